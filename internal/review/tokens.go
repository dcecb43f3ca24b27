package review

import "strings"

// token is a word of a script, without its quotes, or an operator.
type token struct {
	text     string
	operator bool
}

// operators of a shell, the longer first.
var operators = []string{"2>>", "&&", "||", ">>", ">|", ";;", "2>", "&>", ";", "|", "&", "\n", "(", ")", ">", "<"}

// tokens of a script. What stands in $( ) and in backquotes stays one piece of its word.
func tokens(text string) (all []token) {
	var word strings.Builder
	inWord := false
	flush := func() {
		if inWord {
			all = append(all, token{text: word.String()})
		}
		word.Reset()
		inWord = false
	}
	for i := 0; i < len(text); {
		rest := text[i:]
		operator := operatorAt(rest, inWord)
		switch {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r':
			flush()
			i++
		case strings.HasPrefix(rest, "\\\n"):
			i += 2
		case rest[0] == '#' && !inWord:
			line, _, _ := strings.Cut(rest, "\n")
			i += len(line)
		case strings.HasPrefix(rest, "2>&1") || strings.HasPrefix(rest, ">&2") || strings.HasPrefix(rest, "1>&2"):
			flush()
			i += strings.IndexByte(rest, '&') + 2
		case operator != "":
			flush()
			if operator == "(" || operator == ")" {
				operator = ";"
			}
			if operator == "&>" {
				operator = ">"
			}
			all = append(all, token{operator, true})
			i += len(operatorAt(rest, inWord))
		default:
			size, plain := piece(rest)
			word.WriteString(plain)
			inWord = true
			i += size
		}
	}
	flush()
	return all
}

func operatorAt(rest string, inWord bool) string {
	for _, o := range operators {
		if strings.HasPrefix(rest, o) && (!inWord || o[0] != '2') {
			return o
		}
	}
	return ""
}

// piece is the quoted text, the substitution or the character that a text begins with, and what it means.
func piece(rest string) (size int, plain string) {
	closed := func(from int, end string) (int, string) {
		if i := strings.Index(rest[from:], end); i >= 0 {
			return from + i + len(end), rest[from : from+i]
		}
		return len(rest), rest[from:]
	}
	switch {
	case rest[0] == '\'':
		return closed(1, "'")
	case rest[0] == '"':
		for i := 1; i < len(rest); i++ {
			if rest[i] == '\\' {
				i++
			} else if rest[i] == '"' {
				return i + 1, rest[1:i]
			}
		}
		return len(rest), rest[1:]
	case strings.HasPrefix(rest, "$("):
		depth := 0
		for i := range len(rest) {
			switch rest[i] {
			case '(':
				depth++
			case ')':
				if depth--; depth == 0 {
					return i + 1, rest[:i+1]
				}
			}
		}
		return len(rest), rest
	case rest[0] == '`':
		size, inner := closed(1, "`")
		return size, "$(" + inner + ")"
	case rest[0] == '\\' && len(rest) > 1:
		return 2, rest[1:2]
	}
	return 1, rest[:1]
}
