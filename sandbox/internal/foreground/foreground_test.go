package foreground

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// run runs a script and signals this program once the script has said a line.
func run(t *testing.T, script string, s os.Signal) error {
	t.Helper()
	command := exec.Command("sh", "-c", script)
	said, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = bufio.NewReader(said).ReadString('\n')
		_ = syscall.Kill(os.Getpid(), s.(syscall.Signal))
	}()
	return Run(command)
}

func TestAnInterruptLeavesTheCommandItsOwnEnd(t *testing.T) {
	if err := run(t, "echo begun; sleep 0.3; exit 0", os.Interrupt); err != nil {
		t.Errorf("the command was ended: %v", err)
	}
}

func TestAWishToEndIsHandedOn(t *testing.T) {
	err := run(t, `trap 'exit 7' TERM; echo begun; while :; do sleep 0.05; done`, syscall.SIGTERM)
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != 7 {
		t.Errorf("it ended with %v, want its own exit code 7", err)
	}
}
