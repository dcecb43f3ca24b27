package build

import (
	"testing"
	"time"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

func TestTwoBuildsOfOneRepositoryRunOneAfterTheOther(t *testing.T) {
	s := layout.Sandbox{Repo: t.TempDir()}
	noted := make(chan string, 1)
	note := func(line string) { noted <- line }
	release, err := Alone(s, note)
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan error, 1)
	go func() {
		release, err := Alone(s, note)
		if err == nil {
			release()
		}
		second <- err
	}()
	<-noted // it says that it waits
	select {
	case err := <-second:
		t.Fatalf("the second began beside the first, error %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	release()
	if err := <-second; err != nil {
		t.Error(err)
	}
}
