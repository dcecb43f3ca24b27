package stackfile

// The functions below read and change a decoded file.

func service(tree any, name string) map[string]any {
	root, _ := tree.(map[string]any)
	config, _ := root["config"].(map[string]any)
	list, _ := config[servicesKey].([]any)
	for _, entry := range list {
		if fields, ok := entry.(map[string]any); ok && fields["name"] == name {
			return fields
		}
	}
	return nil
}

func at(tree any, name string, keys []string) (any, bool) {
	var value any = service(tree, name)
	for _, key := range keys {
		fields, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = fields[key]; !ok {
			return nil, false
		}
	}
	return value, true
}

// put sets a value and makes the objects on the way to it. An entry that is not there stays so.
func put(tree any, name string, keys []string, value any) {
	fields := service(tree, name)
	last := len(keys) - 1
	for _, key := range keys[:last] {
		if fields == nil {
			return
		}
		child, ok := fields[key].(map[string]any)
		if !ok {
			child = map[string]any{}
			fields[key] = child
		}
		fields = child
	}
	if fields != nil {
		fields[keys[last]] = value
	}
}
