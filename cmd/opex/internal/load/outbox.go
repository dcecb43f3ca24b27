package load

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// flushEvery is how long a line on a request may lie, so that many are sent at once.
const flushEvery = 100 * time.Millisecond

// outbox writes lines in the order in which they came, behind the back of whoever put them in: a reader that is slow,
// or gone, holds up no request and no cleaning up.
type outbox struct {
	to   io.Writer
	wake chan struct{}
	done chan struct{}

	mu   sync.Mutex
	text []byte
}

func newOutbox(to io.Writer) *outbox {
	o := &outbox{to: to, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go o.run()
	return o
}

// put adds a line, which is written soon.
func (o *outbox) put(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(append(o.text, line...), '\n')
}

// say adds a line, which is written now.
func (o *outbox) say(format string, arguments ...any) {
	o.put(fmt.Sprintf(format, arguments...))
	select {
	case o.wake <- struct{}{}:
	default: // somebody did
	}
}

// close ends the writing. What was not written by then is not.
func (o *outbox) close() { close(o.done) }

func (o *outbox) run() {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-o.done:
			return
		case <-o.wake:
		case <-ticker.C:
		}
		o.mu.Lock()
		text := o.text
		o.text = nil
		o.mu.Unlock()
		if len(text) > 0 {
			_, _ = o.to.Write(text) // who does not read any more stops writing too, and that ends the attack
		}
	}
}
