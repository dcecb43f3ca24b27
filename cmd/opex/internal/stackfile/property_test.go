package stackfile

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// writer makes stack files at random: order, comments, blank lines, quotes, braces, indentation, line ends.
type writer struct {
	*rand.Rand
	text     strings.Builder
	comments int
}

func (w *writer) chance(percent int) bool { return w.IntN(100) < percent }

func (w *writer) comment() string {
	w.comments++
	return fmt.Sprintf("# c%d: {it's \"here\"}", w.comments)
}

// line writes one line, with blank lines and comments around it.
func (w *writer) line(indent int, text string) {
	if w.chance(15) {
		w.text.WriteString("\n")
	}
	if w.chance(20) {
		w.text.WriteString(strings.Repeat(" ", indent) + w.comment() + "\n")
	}
	w.text.WriteString(strings.Repeat(" ", indent) + text)
	if w.chance(20) {
		w.text.WriteString(strings.Repeat(" ", 1+w.IntN(3)) + w.comment())
	}
	w.text.WriteString("\n")
}

func (w *writer) quote(value string) string {
	return []string{value, value, `"` + value + `"`, "'" + value + "'"}[w.IntN(4)]
}

// node writes a tree under a key; a string is a value.
func (w *writer) node(indent, step int, key string, value any) {
	switch value := value.(type) {
	case string:
		w.line(indent, key+": "+value)
	case map[string]any:
		if len(value) == 0 || w.chance(25) {
			w.line(indent, key+": "+w.braces(value))
			return
		}
		w.line(indent, key+":")
		for _, below := range w.keys(value) {
			w.node(indent+step, step, below, value[below])
		}
	}
}

func (w *writer) braces(value map[string]any) string {
	var parts []string
	for _, key := range w.keys(value) {
		if below, ok := value[key].(map[string]any); ok {
			parts = append(parts, key+": "+w.braces(below))
		} else {
			parts = append(parts, key+": "+value[key].(string))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (w *writer) keys(value map[string]any) []string {
	var keys []string
	for key := range value {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	w.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys
}

func (w *writer) resources() map[string]any {
	resources := map[string]any{}
	for _, kind := range []string{"requests", "limits"} {
		if w.chance(60) {
			amounts := map[string]any{}
			if w.chance(70) {
				amounts["cpu"] = w.quote(map[string]string{"requests": "250m", "limits": "2"}[kind])
			}
			if w.chance(70) {
				amounts["memory"] = w.quote(map[string]string{"requests": "512Mi", "limits": "4Gi"}[kind])
			}
			resources[kind] = amounts
		}
	}
	return resources
}

func (w *writer) service(name string) map[string]any {
	service := map[string]any{"name": w.quote(name), "image": `"registry.example/a#b:1"`}
	if w.chance(70) {
		service["resources"] = w.resources()
	}
	if w.chance(70) {
		service["database"] = map[string]any{}
		if w.chance(60) {
			service["database"] = map[string]any{"dataSize": "8Gi", "resources": w.resources()}
		}
	}
	if w.chance(30) {
		service["env"] = map[string]any{"GREETING": `'it''s # {not} a comment'`, "UMLAUT": "ü→日本"}
	}
	return service
}

func (w *writer) file() string {
	step := 2 + 2*w.IntN(2)
	if w.chance(50) {
		w.line(0, "encryptionsalt: v1:c2FsdA==:v1:abc")
	}
	w.line(0, "config:")
	w.line(step, "opex:environment: "+w.quote("staging"))
	if w.chance(50) {
		w.node(step, step, "opex:databasePasswords", map[string]any{"task-api": map[string]any{"secure": "v1:x/y+z=="}})
	}
	if w.chance(85) {
		w.line(step, "opex:services:")
		for _, name := range w.keys(map[string]any{"task-api": 0, "shop": 0}) {
			service := w.service(name)
			if w.chance(20) {
				w.line(step, "- "+w.braces(service))
				continue
			}
			for i, key := range w.keys(service) {
				before := w.text.Len()
				w.node(step+2, step, key, service[key])
				if i == 0 { // the first key stands behind the dash
					written := w.text.String()
					at := before + strings.Index(written[before:], key+":")
					w.text.Reset()
					w.text.WriteString(written[:at-2] + "- " + written[at:])
				}
			}
		}
	}
	if w.chance(50) {
		w.node(
			step, step, "opex:cluster",
			map[string]any{"context": "opex-staging", "kubeconfig": w.quote("~/.kube/config")},
		)
	}
	text := w.text.String()
	if w.chance(30) {
		text += w.comment() + "\n"
	}
	if w.chance(20) {
		text = strings.TrimSuffix(text, "\n")
	}
	if w.chance(20) {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

var commentMark = regexp.MustCompile(`# c\d+:`)

func TestEditKeepsEverythingElseOfAnyFile(t *testing.T) {
	copied := 0
	const runs = 3000
	for seed := range uint64(runs) {
		w := &writer{Rand: rand.New(rand.NewPCG(seed, 7))}
		before := w.file()
		var settings []Setting
		for _, path := range []string{"resources requests cpu", "resources requests memory", "resources limits memory",
			"database resources requests cpu", "database resources requests memory"} {
			if w.chance(50) {
				to := map[bool]string{true: fmt.Sprintf("%dm", 5*(1+w.IntN(40))), false: fmt.Sprintf("%dMi", 8*(1+w.IntN(100)))}[strings.HasSuffix(path, "cpu")]
				if strings.Contains(path, "limits") {
					to = "4096Mi"
				}
				settings = append(
					settings, Setting{Service: "task-api", Keys: strings.Fields(path), From: "250m", To: to},
				)
			}
		}
		result, err := Edit(
			File{"Pulumi.staging.yaml", []byte(before)}, File{"Pulumi.yaml", []byte(projectText)}, "staging", settings,
		)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, before)
		}
		after := string(result.Data)
		var tree map[string]any
		if err := yaml.Unmarshal(result.Data, &tree); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, after)
		}
		for _, s := range settings {
			if is, _ := at(tree, s.Service, s.Keys); fmt.Sprint(is) != s.To && !same(fmt.Sprint(is), s.To) {
				t.Fatalf("seed %d: %s is %v, want %s\n%s", seed, s.path(), is, s.To, after)
			}
		}
		if !slices.Equal(commentMark.FindAllString(before, -1), commentMark.FindAllString(after, -1)) {
			t.Fatalf("seed %d: comments were lost or moved:\n%s\nbecame\n%s", seed, before, after)
		}
		removed := 0
		for _, s := range compare(lines([]byte(before)), lines(result.Data)) {
			if s.op == '-' &&
				strings.TrimRight(s.text, "\r\n") != strings.TrimRight(
					lines([]byte(before))[len(lines([]byte(before)))-1], "\r\n",
				) {
				removed++
			}
		}
		if removed > len(settings) {
			t.Fatalf(
				"seed %d: %d lines changed for %d settings:\n%s", seed, removed, len(settings),
				Diff("f", []byte(before), result.Data),
			)
		}
		if got := apply(t, before, Diff("f", []byte(before), result.Data)); got != after {
			t.Fatalf("seed %d: the diff leads to another file:\n%s", seed, got)
		}
		if strings.Contains(after, "A stack's list replaces") {
			copied++
		}
	}
	if copied < runs/20 {
		t.Errorf("of %d files the default was copied into %d only", runs, copied)
	}
}

func TestEditNeverChangesMoreThanWasMeantInABrokenFile(t *testing.T) {
	edited := 0
	for seed := range uint64(8000) {
		w := &writer{Rand: rand.New(rand.NewPCG(seed, 11))}
		broken := []byte(w.file())
		for range 1 + w.IntN(3) {
			i := w.IntN(len(broken))
			switch w.IntN(3) {
			case 0:
				broken = slices.Delete(broken, i, min(len(broken), i+1+w.IntN(3)))
			case 1:
				broken = slices.Insert(broken, i, " \n:-{}[]&*!|>'\"#,?%@\t"[w.IntN(21)])
			case 2:
				broken[i] = " \n:-{}[]&*!|>'\"#,?%@\t"[w.IntN(21)]
			}
			if len(broken) == 0 {
				break
			}
		}
		result, err := Edit(
			File{"s", broken}, File{"Pulumi.yaml", []byte(projectText)}, "staging", []Setting{requestCPU},
		)
		if err != nil {
			continue
		}
		edited++
		var tree map[string]any
		if err := yaml.Unmarshal(result.Data, &tree); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, result.Data)
		}
		if is, _ := at(tree, "task-api", requestCPU.Keys); !same(fmt.Sprint(is), "105m") {
			t.Fatalf("seed %d: is %v\n%s\nof\n%s", seed, is, result.Data, broken)
		}
	}
	if edited < 800 {
		t.Errorf("only %d broken files were edited: the test looks at refusals alone", edited)
	}
}
