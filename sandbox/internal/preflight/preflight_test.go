package preflight

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

func good() Machine {
	return Machine{OS: "linux", UserID: 0, FreeGiB: 50, PortError: func(int) error { return nil }}
}

func sandbox(t *testing.T) layout.Sandbox {
	t.Helper()
	s, err := layout.New("/r", "staging", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCheckAcceptsAGoodMachine(t *testing.T) {
	if err := Check(good(), sandbox(t), false, false); err != nil {
		t.Error(err)
	}
}

func TestCheckRefusesWhatCannotWorkAndSaysWhatToDo(t *testing.T) {
	taken := func(int) error { return errors.New("address already in use") }
	for name, c := range map[string]struct {
		change func(*Machine)
		built  bool
		want   []string
	}{
		"not Linux":                 {func(m *Machine) { m.OS = "darwin" }, false, []string{"darwin", "Linux machine"}},
		"not root":                  {func(m *Machine) { m.UserID = 1000 }, false, []string{"as root", "user 1000", "sudo make up"}},
		"disk too full to build":    {func(m *Machine) { m.FreeGiB = 14.5 }, false, []string{"14.5 GiB", "15 GiB"}},
		"disk too full to run":      {func(m *Machine) { m.FreeGiB = 1.5 }, true, []string{"1.5 GiB", "2 GiB"}},
		"ports taken":               {func(m *Machine) { m.PortError = taken }, false, []string{"port 16443", "port 16900", "port 16080", "address already in use"}},
		"no loop devices":           {func(m *Machine) { m.LoopError = errors.New("no such device") }, false, []string{"loop devices", "no such device", "modprobe loop"}},
		"everything wrong together": {func(m *Machine) { *m = Machine{OS: "windows", UserID: 5, PortError: taken} }, false, []string{"windows", "user 5", "0.0 GiB", "port 16443"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := good()
			c.change(&m)
			err := Check(m, sandbox(t), c.built, false)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range append(c.want, "nothing was changed") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestARunningSandboxHoldsItsOwnPorts(t *testing.T) {
	m := good()
	m.PortError = func(int) error { return errors.New("address already in use") }
	if err := Check(m, sandbox(t), true, true); err != nil {
		t.Error(err)
	}
}

func TestAPortThatIsListenedOnIsSeen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := net.SplitHostPort(l.Addr().String())
	port, _ := strconv.Atoi(text)
	if portError(port) == nil {
		t.Error("a port that is listened on was called free")
	}
	l.Close()
	if err := portError(port); err != nil {
		t.Errorf("a free port was called taken: %v", err)
	}
}
