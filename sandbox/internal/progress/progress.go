// Package progress tells a person what a long command is doing: a line per stage with its time, and within a stage
// signs of life. It writes to stderr, so that stdout carries data only.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// quiet is how long a stage may run before it says what it is at: often on a terminal, where the line is rewritten,
// rarely in a log.
const (
	quietTerminal = time.Second
	quietLog      = 20 * time.Second
)

// Reporter prints stages, numbered.
type Reporter struct {
	out      io.Writer
	terminal bool
	start    time.Time
	count    int

	mu   sync.Mutex
	note string
}

// New returns a reporter that writes to a file, usually os.Stderr.
func New(out *os.File) *Reporter {
	info, err := out.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" && os.Getenv("CI") == ""
	return &Reporter{out: out, terminal: terminal, start: time.Now()}
}

// Stage runs one stage and reports its end and its time. The function tells what it is at through Note.
func (r *Reporter) Stage(title string, run func() error) error {
	r.count++
	label := fmt.Sprintf("[%d] %s", r.count, title)
	r.Note("")
	begin, stop, stopped := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		r.tick(label, begin, stop)
	}()
	err := run()
	close(stop)
	<-stopped
	r.clear()
	mark, end := "ok", ""
	if err != nil {
		mark = "FAILED"
	}
	if note := r.current(); note != "" && err == nil {
		end = ": " + note
	}
	fmt.Fprintf(r.out, "%s  %s in %s%s\n", label, mark, Duration(time.Since(begin)), end)
	return err
}

// Note says what the running stage is at. The last note is printed with the stage's end.
func (r *Reporter) Note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note = fmt.Sprintf(format, args...)
}

// Total is the time since New.
func (r *Reporter) Total() time.Duration { return time.Since(r.start) }

func (r *Reporter) tick(label string, begin time.Time, stop <-chan struct{}) {
	every := quietLog
	if r.terminal {
		every = quietTerminal
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			line := fmt.Sprintf("%s ... %s  %s", label, Duration(time.Since(begin)), r.current())
			if r.terminal {
				r.clear()
				fmt.Fprint(r.out, line)
			} else {
				fmt.Fprintln(r.out, line)
			}
		}
	}
}

func (r *Reporter) current() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.note
}

func (r *Reporter) clear() {
	if r.terminal {
		fmt.Fprint(r.out, "\r\x1b[K")
	}
}

// Duration prints a duration as people say it: 0.4s, 12s, 3m05s.
func Duration(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	default:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
}
