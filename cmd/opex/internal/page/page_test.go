package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/cmd/opex/internal/judge"
	"github.com/opex-project/opex/cmd/opex/internal/kubetest"
)

// record is one of the examples of the diagnosis, with a curve.
func record(t *testing.T, name string, step time.Duration) evidence.GameDay {
	t.Helper()
	data, err := os.ReadFile("../diagnose/testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var r evidence.GameDay
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	end := r.During.To.Duration() + 10*time.Second
	for at := -15 * time.Second; at < end; at += step {
		r.Curve = append(r.Curve, slot(r, at))
	}
	return r
}

// slot is about what a kill looks like: ripples, some requests that are refused or reset at once, and a slow time until
// the recovery.
func slot(r evidence.GameDay, at time.Duration) evidence.Slot {
	ripple := 1 + 0.3*math.Sin(at.Seconds()*2.7) + 0.2*math.Sin(at.Seconds()*7.1)
	s := evidence.Slot{At: evidence.InSeconds(at), Requests: 20, P50: evidence.InSeconds(time.Duration(3.1e6 * ripple)),
		P95: evidence.InSeconds(time.Duration(8.2e6 * ripple)),
		Max: evidence.InSeconds(time.Duration(13e6 * ripple))}
	if at >= 0 && at < r.During.To.Duration() {
		s.P95, s.Max = s.P95*2, s.Max*3
	}
	switch {
	case at == 0:
		s.TransportErrors, s.Max = 3, 0.412
	case at > 0 && at < time.Second && r.During.ServerErrors > 0:
		s.ServerErrors = 2
	}
	return s
}

func render(t *testing.T, records ...evidence.GameDay) string {
	t.Helper()
	data, err := GameDays(records)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func ten(t *testing.T) []evidence.GameDay {
	t.Helper()
	var records []evidence.GameDay
	for i := range 10 {
		r := record(t, "nothing-slow.hard-kill", time.Second)
		r.Run.Index, r.Run.Of = i+1, 10
		r.StartedAt = r.StartedAt.Add(time.Duration(i) * time.Minute)
		r.Recovery = evidence.InSeconds(time.Duration(1900+(i*i*137)%1700) * time.Millisecond)
		records = append(records, r)
	}
	return records
}

func TestPagesStayAsTheyAre(t *testing.T) {
	one := record(t, "nothing-slow.hard-kill", evidence.SlotWidth)
	one.During.TransportErrors = map[string]int{"reset": 2, "refused": 1}
	aborted := record(t, "volume-attach.mount-fails", time.Second)
	for name, records := range map[string][]evidence.GameDay{
		"one-kill.html":      {one},
		"ten-kills.html":     ten(t),
		"database-away.html": {record(t, "database-reconnect.after-startup", evidence.SlotWidth)},
		"interrupted.html":   {aborted},
	} {
		t.Run(name, func(t *testing.T) { kubetest.Golden(t, name, []byte(render(t, records...))) })
	}
}

func TestNothingIsLoadedAndNoScriptMayRun(t *testing.T) {
	text := render(t, ten(t)...)
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(text)
	sum := sha256.Sum256([]byte(style[1]))
	want := fmt.Sprintf(
		"default-src &#39;none&#39;; style-src &#39;sha256-%s&#39;", base64.StdEncoding.EncodeToString(sum[:]),
	)
	if !strings.Contains(strings.ReplaceAll(text, "&#43;", "+"), want) {
		t.Errorf("the page does not have the policy %s", want)
	}
	if found := regexp.MustCompile(`(?i)<script|<img|<link|<iframe|<object|\bhref=|\bsrc=|url\(|@import|\bon[a-z]+=|\bstyle=`).FindString(text); found != "" {
		t.Errorf("the page has %s", found)
	}
}

// spoil puts a hostile text into every string of a value.
func spoil(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		if !v.IsNil() {
			spoil(v.Elem(), text)
		}
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i), text)
		}
	case reflect.Map:
		spoiled := reflect.MakeMap(v.Type())
		for _, key := range v.MapKeys() {
			name := reflect.New(key.Type()).Elem()
			name.Set(key)
			spoil(name, text)
			spoiled.SetMapIndex(name, v.MapIndex(key))
		}
		v.Set(spoiled)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			spoil(v.Field(i), text)
		}
	}
}

var tags = regexp.MustCompile(`<[a-zA-Z/!][^>]*>`)

func TestHostileTextsComeOutAsText(t *testing.T) {
	names := func(text string) []string {
		var found []string
		for _, tag := range tags.FindAllString(text, -1) {
			found = append(found, strings.Fields(strings.Trim(tag, "<>"))[0])
		}
		return found
	}
	spoiled := func(text string) string {
		r := record(t, "database-reconnect.after-startup", time.Second)
		r.During.TransportErrors, r.Writes.Lost, r.Reasons = map[string]int{
			"reset": 2,
		}, []string{
			"/tasks/1",
		}, []string{
			"x",
		}
		timeline := append([]evidence.Moment{}, r.Timeline...)
		spoil(reflect.ValueOf(&r).Elem(), text)
		for i := range timeline { // their names make the phases
			r.Timeline[i].Name = timeline[i].Name
		}
		return render(t, r)
	}
	harmless := names(spoiled("harmless"))
	for _, text := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'><svg/onload=alert(1)>`, `</title><script>alert(1)</script>`,
		`</style><script>alert(1)</script>`, `<!--`, `--></script>`, "]]>", "{{.Policy}}", "\x00<b>",
	} {
		page := spoiled(text)
		if got := names(page); !reflect.DeepEqual(got, harmless) {
			t.Errorf("%q changes the page's tags", text)
		}
		if strings.Contains(page, "<script") || strings.Contains(page, "<img") {
			t.Errorf("%q came through", text)
		}
	}
}

func TestEveryPictureHasATitleAndADescriptionOfItsOwn(t *testing.T) {
	text := render(t, ten(t)...)
	pictures := regexp.MustCompile(`role="img" aria-labelledby="(\S+) (\S+)"`).FindAllStringSubmatch(text, -1)
	if len(pictures) != 2*(1+2*10) {
		t.Errorf("%d pictures", len(pictures))
	}
	for _, p := range pictures {
		for _, id := range p[1:] {
			if strings.Count(text, ` id="`+id+`"`) != 1 {
				t.Errorf("the name %s is there %d times", id, strings.Count(text, ` id="`+id+`"`))
			}
		}
	}
	if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Error("a place is no number")
	}
}

func TestTheSlowestKillIsUnfolded(t *testing.T) {
	records := ten(t)
	records[6].Recovery = 20
	text := render(t, records...)
	if strings.Count(text, "<details open>") != 1 ||
		!strings.Contains(text, "<details open>\n<summary>Kill 7 of 10: 20.0 s</summary>") {
		t.Error("not the 7th kill, or not it alone")
	}
}

func TestTilesHaveTheFiguresOfTheWorstKillsAndTheVerdictsOfTheJudge(t *testing.T) {
	good, slow, wrong := record(t, "nothing-slow.hard-kill", time.Second), record(
		t, "nothing-slow.hard-kill", time.Second,
	), record(t, "nothing-slow.hard-kill", time.Second)
	slow.Recovery, slow.During.P95 = 31, 0.6
	wrong.After.ServerErrors, wrong.Writes.Lost, wrong.Verdict, wrong.Reasons = 2, []string{
		"/tasks/1",
	}, evidence.Failed, []string{
		"SC-009: 2 answers of 500 and above",
	}
	for _, records := range [][]evidence.GameDay{{good, slow, wrong}, {wrong, slow, good}} {
		var figures []string
		for _, tile := range tiles(records, nil) {
			figures = append(figures, tile.Actual)
			for _, f := range judge.Kills(records, judge.Of(records[0])) {
				if f.ID == tile.ID && (tile.Verdict != string(f.Verdict) || tile.Why != f.Actual) {
					t.Errorf(
						"%s is called %s: %s; the judge says %s: %s", tile.Name, tile.Verdict, tile.Why, f.Verdict,
						f.Actual,
					)
				}
			}
		}
		got := strings.Join(figures, "; ")
		if !strings.HasPrefix(got, "31.0 s; 2 of ") || !strings.Contains(got, "; 600 ms; 1 of ") {
			t.Errorf("the figures are %s", got)
		}
	}
	text := render(t, good, slow, wrong)
	for _, want := range []string{"<strong>FAIL.</strong>", "kill 3: SC-009: 2 answers of 500 and above"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Count(text, `class="tile FAIL"`) != 1 {
		t.Error("the page of a Game Day does not show the verdict of SC-009")
	}
}

func TestAGameDayWithoutAKillHasAPage(t *testing.T) {
	r := record(t, "nothing-slow.hard-kill", time.Second)
	r.KilledAt, r.Victim, r.Replacement, r.Recovery, r.Timeline, r.Curve = time.Time{}, evidence.Pod{}, evidence.Pod{}, 0, nil, nil
	r.Verdict, r.Reasons = evidence.Unproven, []string{"no steady state: 3 answers of 500 and above"}
	text := render(t, r)
	for _, want := range []string{"No pod was killed.", "no steady state: 3 answers", "not killed"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestNoRecordIsAnError(t *testing.T) {
	if data, err := GameDays(nil); err == nil || bytes.Contains(data, []byte("<html")) {
		t.Errorf("error is %v", err)
	}
}

func TestMergedSlotsHideNoPeakAndLoseNoError(t *testing.T) {
	r := record(t, "database-reconnect.after-startup", evidence.SlotWidth)
	sums := func(slots []evidence.Slot) (requests, errors int, peak evidence.Seconds) {
		for _, s := range slots {
			requests, errors, peak = requests+s.Requests, errors+s.ServerErrors+s.TransportErrors, max(peak, s.Max)
		}
		return
	}
	a, b, c := sums(r.Curve)
	merged := merge(r.Curve, 50)
	if d, e, f := sums(merged); len(merged) > 50 || a != d || b != e || c != f {
		t.Errorf("%d slots: %d requests, %d errors, peak %v; were %d, %d, %v", len(merged), d, e, f, a, b, c)
	}
}
