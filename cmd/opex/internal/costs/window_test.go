package costs

import (
	"strings"
	"testing"
	"time"
)

func TestParseWindowTakesDurationsDaysAndPairs(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1m": time.Minute, "60m": time.Hour, "24h": 24 * time.Hour, "7d": 168 * time.Hour, "1d12h": 36 * time.Hour, "1h30m": 90 * time.Minute, "90s": 90 * time.Second,
	} {
		w, err := ParseWindow(text, now)
		if err != nil || w.End.Sub(w.Start) != want || !w.End.Equal(now) {
			t.Errorf("%s is %v, error %v", text, w, err)
		}
	}
	w, err := ParseWindow("2026-11-01T01:00:00+01:00,2026-11-02T00:00:00Z", now)
	if err != nil || w.Hours() != 24 {
		t.Errorf("pair is %v, error %v", w, err)
	}
	if before := w.Previous(); !before.End.Equal(w.Start) || before.Hours() != 24 {
		t.Errorf("the window before is %v", before)
	}
}

func TestParseWindowRefusesWhatNobodyCanAnswer(t *testing.T) {
	cases := map[string]struct {
		text string
		want []string
	}{
		"nothing":              {"", []string{"want a duration such as"}},
		"garbage":              {"yesterday", []string{`window "yesterday"`, "want a duration such as"}},
		"no unit":              {"60", []string{"want a duration such as"}},
		"negative":             {"-1h", []string{"want a duration such as"}},
		"days after hours":     {"1h1d", []string{"want a duration such as"}},
		"zero":                 {"0m", []string{"is 0s long, want at least the resolution of 1m0s"}},
		"under the resolution": {"59s", []string{"is 59s long, want at least the resolution of 1m0s"}},
		"ages":                 {"99999d", []string{"more than ten years"}},
		"an overflow":          {"99999999999999999999d", []string{"more than ten years"}},
		"reversed":             {"2026-11-02T00:00:00Z,2026-11-01T00:00:00Z", []string{"ends before it starts"}},
		"empty":                {"2026-11-02T00:00:00Z,2026-11-02T00:00:00Z", []string{"is 0s long"}},
		"an end in the future": {
			"2026-11-02T00:00:00Z,2026-12-01T00:00:00Z", []string{"ends in the future: now is 2026-11-20T12:00:00Z"},
		},
		"all of it in the future": {
			"2026-12-01T00:00:00Z,2026-12-02T00:00:00Z", []string{"starts in the future", "ends in the future"},
		},
		"future and reversed": {
			"2026-12-02T00:00:00Z,2026-12-01T00:00:00Z",
			[]string{"ends before it starts", "starts in the future", "ends in the future"},
		},
		"dates without a time": {
			"2026-11-01,2026-11-02", []string{`its start "2026-11-01"`, `its end "2026-11-02"`},
		},
		"half a pair": {"2026-11-01T00:00:00Z,", []string{`its end ""`}},
		"three times": {
			"2026-11-01T00:00:00Z,2026-11-02T00:00:00Z,2026-11-03T00:00:00Z", []string{"its end"},
		},
		"a time that does not be":   {"2026-02-30T00:00:00Z,2026-11-02T00:00:00Z", []string{"its start"}},
		"a duration inside a pair":  {"1h,2h", []string{"its start", "its end"}},
		"a fraction of a day alone": {"0.5d", []string{"want a duration such as"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := ParseWindow(c.text, now)
			if err == nil {
				t.Fatal("it was taken")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in\n%v", want, err)
				}
			}
		})
	}
}
