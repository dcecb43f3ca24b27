package review

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// databases are images by what dumps them.
var databases = []struct {
	name  string
	image *regexp.Regexp
	dump  []string // programs, any of which does it
}{
	{"PostgreSQL", regexp.MustCompile(`(^|/)(postgres|postgresql)([:@-]|$)`), []string{"pg_dump", "pg_dumpall", "pg_basebackup", "pgbackrest", "wal-g"}},
	{"MySQL", regexp.MustCompile(`(^|/)(mysql|mariadb)([:@-]|$)`), []string{"mysqldump", "mariadb-dump", "mysqlsh", "xtrabackup", "mariabackup"}},
	{"MongoDB", regexp.MustCompile(`(^|/)(mongo|mongodb)([:@-]|$)`), []string{"mongodump"}},
}

// database of a workload, by its images; -1: none that is known.
func database(w workload) int {
	for _, c := range w.containers() {
		for i, d := range databases {
			if d.image.MatchString(text(c["image"])) {
				return i
			}
		}
	}
	return -1
}

func databasesAreDumped(s *world) (found []Finding) {
	for _, o := range s.backups() {
		for _, w := range s.covered(o) {
			is := database(w)
			if is < 0 {
				continue
			}
			var idle []string
			dumped := false
			for _, h := range s.hooks() {
				if key(h.schedule) != key(o) || !holds(h.pods, w) {
					continue
				}
				for _, r := range h.runs {
					if !strings.Contains(r.at, ".pre.") {
						continue
					}
					if dumped = dumped || dumps(r.command); !dumps(r.command) {
						idle = append(idle, r.command)
					}
				}
			}
			if dumped {
				continue
			}
			f := Finding{Object: o, Path: path("spec.template.hooks.resources"), Says: fmt.Sprintf("no pre hook runs in the pods of %s, which are a %s", w, databases[is].name)}
			if len(idle) > 0 {
				f.Says = fmt.Sprintf("the pre hooks in the pods of %s, which are a %s, dump nothing: %q. Want one of %s, or a script of your own by its path", w, databases[is].name,
					strings.Join(idle, "; "), strings.Join(databases[is].dump, ", "))
			}
			found = append(found, f)
		}
	}
	return found
}

// dumps says whether a command may dump a database: it names a program that does (whether it is the right one is BAK-12's), or it is a
// script by its path, which is not looked into.
func dumps(command string) bool {
	for _, d := range databases {
		if slices.ContainsFunc(words(command), func(w string) bool { return slices.Contains(d.dump, w) }) {
			return true
		}
	}
	return slices.ContainsFunc(strings.FieldsFunc(command, func(r rune) bool { return strings.ContainsRune(";&|\n", r) }), isScript)
}

// wrappers are programs that run another.
var wrappers = []string{"sh", "bash", "ash", "dash", "env", "exec", "timeout", "nice", "ionice", "sudo", "gosu", "su-exec"}

// isScript says whether one command of a line runs a program by a path that no distribution puts its own at.
func isScript(command string) bool {
	for _, word := range strings.Fields(command) {
		word = strings.Trim(word, `"'()`)
		_, err := time.ParseDuration(strings.TrimSuffix(word, "s") + "s") // what timeout is given
		if slices.Contains(wrappers, filepath.Base(word)) || strings.HasPrefix(word, "-") || strings.Contains(word, "=") || err == nil {
			continue // what it runs comes later
		}
		return strings.Contains(word, "/") && !slices.Contains([]string{"/bin", "/usr/bin", "/sbin", "/usr/sbin"}, filepath.Dir(word))
	}
	return false
}

// words of a command, and of a script in it.
func words(command string) []string {
	return strings.FieldsFunc(command, func(r rune) bool { return strings.ContainsRune(" \t\n;&|()/'\"`$<>=", r) })
}

func dumpsFit(s *world) (found []Finding) {
	for _, h := range s.hooks() {
		for _, w := range h.pods {
			own := database(w)
			for _, r := range h.runs {
				for i, d := range databases {
					tool := slices.IndexFunc(d.dump, func(p string) bool {
						return slices.Contains(words(r.command), p)
					})
					if own >= 0 && i != own && tool >= 0 {
						found = append(found, Finding{Object: h.schedule, Path: path(r.at + ".command"), Says: fmt.Sprintf("runs %s, and the pods of %s are a %s: %s",
							d.dump[tool], w, databases[own].name, strings.Join(databases[own].dump, ", "))})
					}
				}
			}
		}
	}
	return found
}
