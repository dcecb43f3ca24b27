package review

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// dump is one run of a program that dumps a database.
type dump struct {
	program string
	file    string // where it goes; empty: to its output
	// away says that it goes where the review cannot follow: to an object store, another program, a path in a variable.
	away   bool
	masked string // why its failure does not fail the hook; empty: it does
}

// stores are programs that write to a store of their own, not to a file.
var stores = []string{"pgbackrest", "wal-g", "wal-e", "barman", "mysqlsh"}

// filters pass on what they read.
var filters = []string{
	"gzip",
	"pigz",
	"zstd",
	"xz",
	"bzip2",
	"lz4",
	"openssl",
	"gpg",
	"age",
	"cat",
	"pv",
	"tee",
	"sed",
	"buffer",
	"dd",
}

// destinations are the options by which programs name a file: with a value of their own, or after =.
var destinations = map[string][]string{
	"pg_dump": {
		"-f", "--file",
	}, "pg_dumpall": {"-f", "--file"}, "pg_basebackup": {"-D", "--pgdata"}, "mysqldump": {"-r", "--result-file", "-T", "--tab"},
	"mariadb-dump": {
		"-r", "--result-file", "-T", "--tab",
	}, "mongodump": {"-o", "--out", "--archive"}, "xtrabackup": {"--target-dir"},
	"mariabackup": {"--target-dir"}, "mariadb-backup": {"--target-dir"},
}

// dumpsOf are the dumps that a hook's command makes.
func dumpsOf(argv []string) []dump { return parse(argv).dumps() }

func (s script) dumps() (all []dump) {
	for i, p := range s.pipelines {
		for j, c := range p.commands {
			if len(c.words) == 0 {
				continue
			}
			if base := filepath.Base(c.words[0]); base == "su" || slices.Contains(shells, base) {
				for _, d := range parse(c.words).dumps() {
					d.masked = firstOf(d.masked, s.mask(i, j, d.program))
					all = append(all, d)
				}
				continue
			}
			program := filepath.Base(c.words[0])
			if !dumpPrograms[program] {
				continue
			}
			d := dump{program: program, away: slices.Contains(stores, program), masked: s.mask(i, j, program)}
			if !d.away {
				d.file, d.away = destination(program, c.words[1:])
			}
			if d.file == "" && !d.away {
				d.file, d.away = s.follow(p.commands[j:])
			}
			if d.file != "" && s.mentions(d.file) {
				d.away = true // it is moved, or sent on
			}
			all = append(all, d)
		}
	}
	return all
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// destination is the file that a program's options name. Away: it is one that depends on where the program is started.
func destination(program string, words []string) (file string, away bool) {
	for i, word := range words {
		for _, option := range destinations[program] {
			value, is := strings.CutPrefix(word, option+"=")
			switch short := len(option) == 2; {
			case is:
			case word == option && program == "mongodump" && option == "--archive":
				return "", false // to its output
			case word == option && i+1 < len(words):
				value = words[i+1]
			case short && strings.HasPrefix(word, option) && len(word) > 2:
				value = word[2:]
			default:
				continue
			}
			if value == "-" {
				return "", false
			}
			return value, !strings.HasPrefix(value, "/")
		}
	}
	return "", program == "mongodump" // without an option it makes a folder where it is started
}

// follow finds out where the output of the first command goes.
func (s script) follow(commands []simple) (file string, away bool) {
	for i, c := range commands {
		if i > 0 && len(c.words) > 0 {
			program := filepath.Base(c.words[0])
			if !slices.Contains(filters, program) {
				return "", true
			}
			for _, word := range c.words[1:] {
				if of, is := strings.CutPrefix(word, "of="); is {
					return of, !strings.HasPrefix(of, "/")
				}
				if program == "tee" && !strings.HasPrefix(word, "-") {
					return word, !strings.HasPrefix(word, "/")
				}
				if (program == "openssl" || program == "gpg" || program == "age") && strings.HasPrefix(word, "/") {
					return "", true // which of its files is the result is not looked into
				}
			}
		}
		if c.out != "" {
			return c.out, !strings.HasPrefix(c.out, "/")
		}
	}
	return "", false
}

// mentions says whether another command of the script names a file, to move it or to send it on.
func (s script) mentions(file string) bool {
	for _, p := range s.pipelines {
		for _, c := range p.commands {
			if len(c.words) == 0 || dumpPrograms[filepath.Base(c.words[0])] ||
				slices.Contains([]string{"ls", "test", "[", "rm", "mkdir", "tee", "dd", "echo"}, c.words[0]) {
				continue
			}
			if slices.ContainsFunc(c.words, func(w string) bool {
				return strings.Contains(w, file) || strings.Contains(file, w+"/") && strings.HasPrefix(w, "/")
			}) {
				return true
			}
		}
	}
	return false
}

// mask says why the hook succeeds where the command at a place in the script fails; empty: it does not.
func (s script) mask(i, j int, program string) string {
	p := s.pipelines[i]
	if s.tests {
		return "" // it looks by itself
	}
	if last := len(p.commands) - 1; j < last && !s.pipefail {
		return fmt.Sprintf(
			"the exit code is that of %s, without `set -o pipefail`", filepath.Base(p.commands[last].words[0]),
		)
	}
	for at := i; ; at++ {
		more := at+1 < len(s.pipelines)
		switch next := s.pipelines[at].next; {
		case next == "&&" && more:
			continue
		case next == "||" && more:
			then := s.pipelines[at+1].commands[0].words
			if len(then) > 0 && (then[0] == "false" || fails(s.pipelines[at+1:])) {
				return ""
			}
			return fmt.Sprintf("`|| %s` takes its place", strings.Join(then, " "))
		case next == "&":
			return "it runs in the background"
		case next == ";" && more && !s.errexit:
			last := s.pipelines[len(s.pipelines)-1]
			return fmt.Sprintf(
				"the exit code is that of `%s`, without `set -e`", strings.Join(last.commands[0].words, " "),
			)
		}
		return ""
	}
}

// fails says whether pipelines end with an exit code other than 0 by themselves.
func fails(all []pipeline) bool {
	for _, p := range all {
		words := p.commands[0].words
		if len(words) > 0 && (words[0] == "exit" || words[0] == "return") {
			return len(words) > 1 && words[1] != "0"
		}
	}
	return false
}
