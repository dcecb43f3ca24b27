// Package problem collects everything that is wrong with an input, so that it can be said at once.
package problem

import (
	"fmt"
	"strings"
)

// List holds problems in the order in which they were found, one at most for each path. Its zero value is empty.
type List struct {
	paths []string
	texts map[string]string
}

// Add notes what is wrong at a path, such as `resources.limits.cpu`. The first problem of a path stands: later ones
// tend to follow from it.
func (l *List) Add(path, format string, args ...any) {
	if _, known := l.texts[path]; known {
		return
	}
	if l.texts == nil {
		l.texts = map[string]string{}
	}
	l.paths = append(l.paths, path)
	l.texts[path] = fmt.Sprintf(format, args...)
}

// AddAll takes over the problems of a part, with the part's path put before theirs.
func (l *List) AddAll(prefix string, part List) {
	for _, path := range part.paths {
		l.Add(prefix+path, "%s", part.texts[path])
	}
}

// Empty says that nothing is wrong.
func (l List) Empty() bool { return len(l.paths) == 0 }

// Lines returns the problems as `path: text`.
func (l List) Lines() []string {
	lines := make([]string, len(l.paths))
	for i, path := range l.paths {
		lines[i] = path + ": " + l.texts[path]
	}
	return lines
}

// Err returns one error that lists all problems, or nil. It starts with who complains and ends with what did not
// happen.
func (l List) Err(who, consequence string) error {
	if l.Empty() {
		return nil
	}
	noun := "problems"
	if len(l.paths) == 1 {
		noun = "problem"
	}
	return fmt.Errorf("%s: %d %s:\n  - %s\n%s", who, len(l.paths), noun, strings.Join(l.Lines(), "\n  - "), consequence)
}
