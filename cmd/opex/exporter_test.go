package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// scraped asks until the text is there, or 20 s are over, and returns the last answer.
func scraped(at, until string) string {
	text := ""
	for began := time.Now(); time.Since(began) < 20*time.Second && !strings.Contains(text, until); time.Sleep(50 * time.Millisecond) {
		if answer, err := http.Get("http://" + at + "/metrics"); err == nil {
			data, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			text = string(data)
		}
	}
	return text
}

func TestTheExporterServesWhatVerifySays(t *testing.T) {
	const at = "127.0.0.1:29877"
	ctx, end := context.WithCancel(t.Context())
	answer := make(chan string, 1)
	go func() {
		defer end()
		answer <- scraped(at, "opex_criterion{")
	}()
	if code, out, people := opexOn(t, ctx, verifyWorld(t), "exporter", "--listen", at); code != exitOK || out != "" ||
		!strings.Contains(people, "serving at http://"+at+"/metrics") {
		t.Errorf("exit %d, standard output %q, people are told %q", code, out, people)
	}
	text := <-answer
	for _, want := range []string{`opex_criterion{id="SC-001",service="task-api",verdict="PASS"} 1`, `opex_criterion{id="SC-010",service="task-api",verdict="PASS"} 1`,
		`opex_criterion_limit{id="SC-008",service="task-api",unit="s"} 30`, `opex_evidence_age_seconds{kind="drill",service="task-api"} 1`,
		`opex_evidence_age_seconds{kind="gameday",service="task-api"} 7`, `opex_evidence_age_seconds{kind="backup",service="task-api"} 3`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

func TestTheExporterRefusesWhatItCannotDo(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"too often":        {[]string{"--every", "1s"}, "--every 1s: want 10s or more"},
		"outside of a pod": {[]string{"--in-cluster"}, "--in-cluster: unable to load in-cluster configuration"},
		"no address":       {[]string{"--listen", "nowhere"}, "--listen nowhere:"},
	} {
		t.Run(name, func(t *testing.T) {
			if code, _, people := opexOn(t, t.Context(), verifyWorld(t), append([]string{"exporter"}, c.args...)...); code != exitUnknown ||
				!strings.Contains(people, c.says) {
				t.Errorf("exit %d, people are told %q, want %q", code, people, c.says)
			}
		})
	}
}
