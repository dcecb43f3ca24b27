package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/opex-project/opex/cmd/opex/internal/refusal"
)

// confirm asks before something is done that cannot be taken back.
type confirm struct {
	yes bool // do not ask
	// terminal says whether somebody can answer a question there.
	terminal func(io.Reader) bool
}

func isTerminal(in io.Reader) bool {
	file, is := in.(*os.File)
	return is && term.IsTerminal(int(file.Fd()))
}

// ask asks for the namespace's name, unless it was told not to.
func (c confirm) ask(ctx context.Context, namespace string, in io.Reader, people io.Writer) error {
	if c.yes {
		return nil
	}
	if !c.terminal(in) {
		return refusal.Of("there is no terminal to ask at; --yes goes on without asking")
	}
	fmt.Fprintf(people, "Type the namespace's name to go on: ")
	typed := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n')
		typed <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		return refusal.Of("interrupted")
	case name := <-typed:
		if name != namespace {
			return refusal.Of(fmt.Sprintf("typed was %q, and the namespace is %q", name, namespace))
		}
	}
	return nil
}
