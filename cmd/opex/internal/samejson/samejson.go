// Package samejson compares JSON as what it means.
package samejson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"strings"
)

// Equal says that both are JSON of the same meaning: whatever the order of keys and the white space, and with every
// digit of numbers. What is no JSON equals nothing.
func Equal(a, b []byte) bool {
	left, leftErr := Canonical(a)
	right, rightErr := Canonical(b)
	return leftErr == nil && rightErr == nil && bytes.Equal(left, right)
}

// Canonical writes JSON so that what means the same is the same: sorted keys, no white space, numbers as fractions. A
// float64 would take 9007199254740993 for 9007199254740992.
func Canonical(data []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return json.Marshal(exact(value))
}

// exact replaces numbers by texts that no text of JSON's own is taken for.
func exact(value any) any {
	switch value := value.(type) {
	case json.Number:
		return map[string]any{"": fraction(value.String())}
	case []any:
		for i := range value {
			value[i] = exact(value[i])
		}
	case map[string]any:
		for key := range value {
			value[key] = exact(value[key])
		}
		return []any{value} // a number is the only object that stands alone
	}
	return value
}

// longestExponent is in digits: what is larger is compared as it is written, since its fraction would fill the memory.
const longestExponent = 3

func fraction(number string) string {
	if _, exponent, is := strings.Cut(strings.ToLower(number), "e"); is &&
		len(strings.TrimLeft(exponent, "+-0")) > longestExponent {
		return number
	}
	if exact, ok := new(big.Rat).SetString(number); ok {
		return exact.RatString()
	}
	return number
}
