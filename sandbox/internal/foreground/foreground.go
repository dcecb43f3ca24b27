// Package foreground runs commands that share this program's terminal.
package foreground

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// Run runs a command to its own end. Ctrl-C reaches it from the terminal, as it reaches this program, and it decides
// what to do: a killed `pulumi up` leaves its stack locked, a killed `opex drill` what it made. A wish to end that this
// program alone is told (SIGTERM) is handed on.
func Run(command *exec.Cmd) error {
	told := make(chan os.Signal, 8)
	signal.Notify(told, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(told)
	if err := command.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case <-ended:
				return
			case s := <-told:
				if s == syscall.SIGTERM {
					_ = command.Process.Signal(s)
				}
			}
		}
	}()
	return command.Wait()
}
