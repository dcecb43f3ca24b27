package existing

import (
	"strings"
	"testing"
)

func good() Facts {
	return Facts{
		Version: "v1.33.1", UID: "here", DefaultStorageClass: "standard",
		Namespaces: map[string]string{"default": "", "kube-system": "", "shop": "staging"},
		Nodes: []Node{
			{Name: "a", OS: "linux", Arch: "amd64", Ready: true, Schedulable: true, Runtime: "containerd://2.1.4", Free: Size{1, 2 * gib}},
			{Name: "b", OS: "linux", Arch: "amd64", Ready: true, Schedulable: true, Runtime: "containerd://1.7.28-k3s1", Free: Size{1, 2 * gib}},
		},
	}
}

func TestAClusterThatFitsIsAccepted(t *testing.T) {
	for name, change := range map[string]func(*Facts){
		"as it is":                   func(*Facts) {},
		"a provider's version":       func(f *Facts) { f.Version = "v1.30.2-eks-1552ad0" },
		"a tainted arm64 node":       func(f *Facts) { f.Nodes = append(f.Nodes, Node{Name: "c", OS: "linux", Arch: "arm64"}) },
		"a control plane not ready":  func(f *Facts) { f.Nodes = append(f.Nodes, Node{Name: "c", OS: "linux", Arch: "amd64"}) },
		"deployed before, now full":  func(f *Facts) { f.PinnedUID = "here"; f.Nodes[0].Free, f.Nodes[1].Free = Size{}, Size{} },
		"deployed before, own again": func(f *Facts) { f.PinnedUID = "here"; f.Namespaces["velero"] = "staging" },
	} {
		t.Run(name, func(t *testing.T) {
			f := good()
			change(&f)
			if err := (&Cluster{Folder: "the/folder"}).Check(f, "amd64", "staging"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAClusterThatDoesNotFitIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Facts)
		words  []string
	}{
		"too old":               {func(f *Facts) { f.Version = "v1.29.9" }, []string{"v1.29.9", "1.30 or later"}},
		"unreadable version":    {func(f *Facts) { f.Version = "latest" }, []string{"latest", "1.30 or later"}},
		"no default class":      {func(f *Facts) { f.DefaultStorageClass = "" }, []string{"no default StorageClass", "is-default-class"}},
		"another cluster":       {func(f *Facts) { f.PinnedUID = "there" }, []string{"another cluster", "there", "here", "the/folder"}},
		"somebody's Velero":     {func(f *Facts) { f.Namespaces["velero"] = "" }, []string{"namespaces velero"}},
		"production by name":    {func(f *Facts) { f.Namespaces["prod"] = "" }, []string{"holds production", "prod"}},
		"production by label":   {func(f *Facts) { f.Namespaces["shop"] = "Production" }, []string{"holds production", "shop"}},
		"an arm64 node":         {func(f *Facts) { f.Nodes[1].Arch = "arm64" }, []string{"node b is linux/arm64", "linux/amd64"}},
		"a Windows node":        {func(f *Facts) { f.Nodes[1].OS = "windows" }, []string{"node b is windows/amd64"}},
		"a node not ready":      {func(f *Facts) { f.Nodes[0].Ready = false }, []string{"node a is not ready"}},
		"a node with CRI-O":     {func(f *Facts) { f.Nodes[0].Runtime = "cri-o://1.33" }, []string{"node a runs pods by cri-o://1.33"}},
		"the services' own":     {func(f *Facts) { f.Namespaces["staging"] = "" }, []string{"namespaces staging"}},
		"no nodes":              {func(f *Facts) { f.Nodes = nil }, []string{"no ready node", "0.00 cores free", "0.00 GiB of memory free"}},
		"no nodes any more":     {func(f *Facts) { f.PinnedUID = "here"; f.Nodes = nil }, []string{"no ready node"}},
		"too little CPU":        {func(f *Facts) { f.Nodes[0].Free.CPU = 0.1 }, []string{"1.10 cores free, 1.46 are needed: 0.36 more"}},
		"too little memory":     {func(f *Facts) { f.Nodes[0].Free.Memory = 0 }, []string{"2.00 GiB of memory free, 2.99 GiB are needed: 0.99 GiB more"}},
		"an overcommitted node": {func(f *Facts) { f.Nodes[0].Free.CPU = -9 }, []string{"1.00 cores free"}},
		"production came later": {func(f *Facts) { f.PinnedUID = "here"; f.Namespaces["live"] = "" }, []string{"holds production"}},
		"several at once": {func(f *Facts) { f.Version = "v1.2.0"; f.DefaultStorageClass = ""; f.Nodes[0].Arch = "arm64" },
			[]string{"v1.2.0", "no default StorageClass", "node a is linux/arm64"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := good()
			c.change(&f)
			err := (&Cluster{Folder: "the/folder"}).Check(f, "amd64", "staging")
			if err == nil {
				t.Fatal("accepted")
			}
			for _, word := range c.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %q", err, word)
				}
			}
		})
	}
}
