package gameday

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
)

func TestTheRecordsOfADeadGeneratorAreDeletedAndThoseThatStayAreCounted(t *testing.T) {
	world := orderly()
	var mu sync.Mutex
	var deleted []string
	for i := range 20 {
		path := fmt.Sprintf("/tasks/%d", i)
		world["/api/v1/namespaces/staging/services/http:shop:8000/proxy"+path] = func(r *http.Request) any {
			mu.Lock()
			defer mu.Unlock()
			if r.Method == http.MethodDelete {
				deleted = append(deleted, path)
			}
			if i == 7 {
				return http.StatusServiceUnavailable
			}
			return ""
		}
	}
	cluster, _ := world.Serve(t)
	s, err := Open(cluster, shop(), "shop", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for i := range 20 {
		paths = append(paths, fmt.Sprintf("/tasks/%d", i))
	}
	w := s.sweep(t.Context(), append(paths, "")) // one had no Location
	slices.Sort(deleted)
	slices.Sort(paths)
	if !slices.Equal(deleted, paths) || w.Acknowledged != 21 || w.Unchecked != 21 || w.Left != 2 {
		t.Errorf("deleted %v, %+v", deleted, w)
	}
}
