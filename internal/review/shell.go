package review

import (
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// simple is one command of a script.
type simple struct {
	words []string
	out   string // file that its output goes to; empty: on to the next command, or to Velero's log
}

// pipeline is commands of which each reads what the one before writes.
type pipeline struct {
	commands []simple
	next     string // what follows: && || ; & or nothing
}

// script is what a hook runs, as a shell would read it. It knows what hooks use of a shell, and says so where it does
// not.
type script struct {
	pipelines []pipeline
	errexit   bool // set -e
	pipefail  bool
	tests     bool // it looks at exit codes by itself: if, while, $?, trap
}

var shells = []string{"sh", "bash", "ash", "dash", "zsh", "ksh"}

// wrappers are programs that run another, with those of their options that take a value.
var wrappers = map[string]string{
	"env":     "uSC",
	"exec":    "a",
	"timeout": "ks",
	"nice":    "n",
	"ionice":  "cn",
	"sudo":    "ugC",
	"gosu":    "",
	"su-exec": "",
	"nohup":   "",
	"time":    "",
	"command": "",
	"setpriv": "",
	"chpst":   "u",
	"stdbuf":  "ioe",
	"doas":    "u",
}

// parse reads what a container is told to run.
func parse(argv []string) script {
	argv = unwrapped(argv)
	if len(argv) > 0 && filepath.Base(argv[0]) == "su" {
		if i := slices.Index(argv, "-c"); i >= 0 && i+1 < len(argv) {
			return readScript(argv[i+1])
		}
	}
	if len(argv) == 0 || !slices.Contains(shells, filepath.Base(argv[0])) {
		return script{pipelines: []pipeline{{commands: []simple{{words: argv}}}}}
	}
	var s script
	for i, word := range argv[1:] {
		switch {
		case !strings.HasPrefix(word, "-"):
			if i > 0 && argv[i] == "-o" || i > 0 && strings.HasSuffix(argv[i], "o") && strings.HasPrefix(argv[i], "-") {
				s.pipefail, s.errexit = s.pipefail || word == "pipefail", s.errexit || word == "errexit"
				continue
			}
			return script{pipelines: []pipeline{{commands: []simple{{words: argv[i+1:]}}}}} // a script by its path
		case strings.HasPrefix(word, "--"):
		case strings.Contains(word, "c"):
			rest := argv[i+2:]
			for len(rest) > 1 && (rest[0] == "-o" || strings.HasPrefix(rest[0], "-") && strings.HasSuffix(rest[0], "o")) {
				s.pipefail, s.errexit = s.pipefail ||
					rest[1] == "pipefail", s.errexit || rest[1] == "errexit" ||
					strings.Contains(rest[0], "e")
				rest = rest[2:]
			}
			if len(rest) == 0 {
				return s
			}
			inner := readScript(rest[0])
			inner.errexit = inner.errexit || s.errexit || strings.Contains(word, "e")
			inner.pipefail = inner.pipefail || s.pipefail
			return inner
		default:
			s.errexit = s.errexit || strings.Contains(word, "e")
		}
	}
	return s
}

// unwrapped leaves out programs that only run another.
func unwrapped(argv []string) []string {
	for len(argv) > 0 {
		options, is := wrappers[filepath.Base(argv[0])]
		if !is && !assigns(argv[0]) {
			return argv
		}
		program := filepath.Base(argv[0])
		argv = argv[1:]
		for len(argv) > 0 && strings.HasPrefix(argv[0], "-") {
			if last := argv[0][len(argv[0])-1:]; len(argv[0]) == 2 && strings.Contains(options, last) {
				argv = argv[min(1, len(argv)):]
			}
			argv = argv[min(1, len(argv)):]
		}
		if len(argv) > 0 && (program == "gosu" || program == "su-exec" || program == "timeout" && duration(argv[0])) {
			argv = argv[1:] // a user, a time
		}
	}
	return argv
}

// duration knows what timeout and sleep take: a number with s, m, h or d.
func duration(word string) bool {
	_, err := sleepTime(word)
	return err == nil
}

// sleepTime is a time as sleep and timeout read it: seconds without a unit, days with d.
func sleepTime(word string) (time.Duration, error) {
	if days, is := strings.CutSuffix(word, "d"); is {
		d, err := time.ParseDuration(days + "h")
		return 24 * d, err
	}
	if strings.HasSuffix(word, "s") || strings.HasSuffix(word, "m") || strings.HasSuffix(word, "h") {
		return time.ParseDuration(word)
	}
	return time.ParseDuration(word + "s")
}

// assigns says whether a word sets a variable: PGPASSWORD=x.
func assigns(word string) bool {
	name, _, is := strings.Cut(word, "=")
	return is && name != "" && !strings.ContainsAny(name, "/-.: ")
}

// keywords of a shell stand before a command.
var keywords = []string{
	"if",
	"then",
	"else",
	"elif",
	"fi",
	"do",
	"done",
	"while",
	"until",
	"for",
	"!",
	"{",
	"}",
	"case",
	"esac",
	"time",
}

// readScript takes the text of a script apart.
func readScript(text string) script {
	var s script
	s.tests = strings.Contains(text, "$?") || strings.Contains(text, "PIPESTATUS")
	line, command := pipeline{}, simple{}
	end := func(next string) {
		if len(command.words) > 0 || command.out != "" {
			line.commands = append(line.commands, command)
		}
		command = simple{}
		if next == "|" {
			return
		}
		if len(line.commands) > 0 {
			line.next = next
			s.pipelines = append(s.pipelines, line)
		}
		line = pipeline{}
	}
	into := ""
	for _, t := range tokens(text) {
		switch {
		case t.operator && (t.text == ">" || t.text == ">>" || t.text == ">|"):
			into = "out"
		case t.operator && (t.text == "2>" || t.text == "<" || t.text == "2>>"):
			into = "other"
		case t.operator:
			end(strings.Replace(t.text, "\n", ";", 1))
		case into == "out":
			command.out, into = t.text, ""
		case into != "":
			into = ""
		case len(command.words) == 0 && slices.Contains(keywords, t.text):
			s.tests = s.tests || t.text != "{" && t.text != "}" && t.text != "time"
		default:
			command.words = append(command.words, t.text)
		}
	}
	end("")
	for i := range s.pipelines {
		s.settings(s.pipelines[i])
	}
	return s
}

// settings notes what `set` and `trap` change for the rest of a script.
func (s *script) settings(p pipeline) {
	for j, c := range p.commands {
		p.commands[j].words = unwrapped(c.words)
		if len(c.words) == 0 {
			continue
		}
		switch c.words[0] {
		case "trap":
			s.tests = true
		case "set":
			for _, word := range c.words[1:] {
				s.pipefail = s.pipefail || word == "pipefail"
				s.errexit = s.errexit || word == "errexit" ||
					strings.HasPrefix(word, "-") && strings.Contains(word, "e")
			}
		}
	}
}
