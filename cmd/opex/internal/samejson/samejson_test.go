package samejson

import "testing"

func TestJSONIsComparedAsWhatItMeansWithEveryDigit(t *testing.T) {
	for name, c := range map[string]struct {
		a, b string
		want bool
	}{
		"order and white space":     {`{"a":1,"b":[true,null]}`, "{ \"b\": [true, null],\n \"a\": 1 }", true},
		"above 2^53":                {`{"id":9007199254740993}`, `{"id":9007199254740992}`, false},
		"many digits":               {`0.1234567890123456789`, `0.1234567890123456788`, false},
		"one number, written twice": {`[1.0, 1e2]`, `[1, 100]`, true},
		"an enormous exponent":      {`1e999999999`, `1e999999999`, true},
		"two enormous exponents":    {`1e999999999`, `2e999999999`, false},
		"a number is no text":       {`1`, `"1"`, false},
		"a number is no object":     {`1`, `{"":"1"}`, false},
		"order of a list":           {`[1,2]`, `[2,1]`, false},
		"no JSON equals nothing":    {`{`, `{`, false},
		"a second value":            {`{} {}`, `{}`, false},
		"nothing":                   {``, ``, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Equal([]byte(c.a), []byte(c.b)); got != c.want {
				t.Errorf("%s and %s: %t", c.a, c.b, got)
			}
		})
	}
}
