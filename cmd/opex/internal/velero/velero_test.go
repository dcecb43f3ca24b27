package velero

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

const at = "/apis/velero.io/v1/namespaces/velero/"

// missing is how an API server answers for an object that is not there, of a kind that is.
const missing = `{"kind":"Status","apiVersion":"v1","status":"Failure","code":404,"reason":"NotFound","message":"not there"}`

// request is one that changes something.
type request struct {
	method, path, query, body string
}

// serve answers each path with a text; one that is none, as a server that does not know the kind. A list by label, and
// what goes on after a page, stand under the path, a question mark, and the selector or the token. A change is answered
// with what was sent.
func serve(t *testing.T, answers map[string]string) (Client, *[]request) {
	t.Helper()
	var changes []request
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		answer, known := answers[r.URL.Path]
		if selector := r.URL.Query().Get("labelSelector"); selector != "" {
			answer, known = answers[r.URL.Path+"?"+selector]
		}
		if token := r.URL.Query().Get("continue"); token != "" {
			answer, known = answers[r.URL.Path+"?"+token]
		}
		if r.Method != http.MethodGet {
			body, _ := io.ReadAll(r.Body)
			changes = append(changes, request{r.Method, r.URL.Path, r.URL.RawQuery, string(body)})
			if !known {
				answer, known = string(body), true
			}
		}
		if !known {
			http.Error(out, "404 page not found", http.StatusNotFound)
			return
		}
		out.Header().Set("Content-Type", "application/json")
		var status struct{ Code int }
		if json.Unmarshal([]byte(answer), &status) == nil && status.Code > 0 {
			out.WriteHeader(status.Code)
		}
		_, _ = out.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	others, err := dynamic.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return Client{Dynamic: others, Namespace: "velero"}, &changes
}

func listOf(items ...string) string {
	return `{"kind":"List","apiVersion":"velero.io/v1","items":[` + strings.Join(items, ",") + `]}`
}

func clock(text string) time.Time {
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return parsed
}

const scheduleObject = `{"kind":"Schedule","apiVersion":"velero.io/v1","metadata":{"name":"shop","namespace":"velero","labels":{"team":"blue"},"creationTimestamp":"2026-11-01T00:00:00Z"},
	"spec":{"schedule":"0 2 * * *","paused":true,"template":{"ttl":"720h0m0s","includedNamespaces":["shops"],"storageLocation":"default",
	"uploaderConfig":{"parallelFilesUpload":4},"labelSelector":{"matchLabels":{"instance":"till"}},
	"hooks":{"resources":[{"name":"dump","includedNamespaces":["shops"],"labelSelector":{"matchLabels":{"part":"database"}},
	"pre":[{"exec":{"container":"postgres","command":["/dump","60"],"onError":"Fail","timeout":"25m51s"}}],
	"post":[{"exec":{"command":["/settle"]}}]}]}}},
	"status":{"phase":"FailedValidation","lastBackup":"2026-11-02T02:00:10Z","lastSkipped":"2026-11-01T02:00:00Z","validationErrors":["no such location"]}}`

func TestScheduleReadsWhatTheCommandNeeds(t *testing.T) {
	client, _ := serve(t, map[string]string{at + "schedules/shop": scheduleObject})
	s, err := client.Schedule(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "shop" || s.Phase != "FailedValidation" || s.Cron != "0 2 * * *" || !s.Paused ||
		!s.Created.Equal(clock("2026-11-01T00:00:00Z")) ||
		!s.LastBackup.Equal(clock("2026-11-02T02:00:10Z")) || !s.LastSkipped.Equal(clock("2026-11-01T02:00:00Z")) ||
		s.ValidationErrors[0] != "no such location" ||
		s.Labels["team"] != "blue" || s.TTL != 720*time.Hour || !reflect.DeepEqual(s.Namespaces, []string{"shops"}) ||
		s.PodsLeftOut != "" ||
		s.StorageLocation != "default" || len(s.Hooks) != 2 {
		t.Errorf("schedule is %+v", s)
	}
	pre, post := s.Hooks[0], s.Hooks[1]
	if !pre.Pre || pre.Name != "dump" || pre.Container != "postgres" || pre.OnError != "Fail" ||
		pre.Timeout != 25*time.Minute+51*time.Second ||
		!reflect.DeepEqual(
			pre.Command, []string{"/dump", "60"},
		) || !reflect.DeepEqual(pre.Namespaces, []string{"shops"}) {
		t.Errorf("pre hook is %+v", pre)
	}
	if post.Pre || post.Container != "" || post.Timeout != 0 || post.OnError != "" {
		t.Errorf("post hook is %+v", post)
	}
	if !pre.Selects(map[string]string{"part": "database"}) || pre.Selects(map[string]string{"part": "api"}) {
		t.Error("the hook's selector is not heeded")
	}
}

func TestSelectorsSelectAsVeleroDoes(t *testing.T) {
	for name, c := range map[string]struct {
		template string
		labels   map[string]string
		want     bool
	}{
		"no selector is all": {`{}`, nil, true},
		"an empty one too":   {`{"labelSelector":{}}`, nil, true},
		"equal":              {`{"labelSelector":{"matchLabels":{"a":"1"}}}`, map[string]string{"a": "1", "b": "2"}, true},
		"not equal":          {`{"labelSelector":{"matchLabels":{"a":"1"}}}`, map[string]string{"a": "2"}, false},
		"an expression": {`{"labelSelector":{"matchExpressions":[{"key":"a","operator":"NotIn","values":["1"]}]}}`,
			map[string]string{"a": "1"}, false},
		"a broken expression": {`{"labelSelector":{"matchExpressions":[{"key":"a","operator":"Like"}]}}`, map[string]string{"a": "1"},
			false},
		"one of several": {`{"orLabelSelectors":[{"matchLabels":{"a":"1"}},{"matchLabels":{"b":"2"}}]}`,
			map[string]string{"b": "2"}, true},
		"none of several": {`{"orLabelSelectors":[{"matchLabels":{"a":"1"}},{"matchLabels":{"b":"2"}}]}`,
			map[string]string{"c": "3"}, false},
		"kept out by its label": {`{}`, map[string]string{LabelExclude: "true"}, false},
		"not kept out by no":    {`{}`, map[string]string{LabelExclude: "false"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := serve(
				t,
				map[string]string{
					at + "schedules/s": `{"kind":"Schedule","apiVersion":"velero.io/v1","metadata":{"name":"s"},"spec":{"template":` + c.template + `}}`,
				},
			)
			s, err := client.Schedule(t.Context(), "s")
			if err != nil || s.Selects(c.labels) != c.want {
				t.Errorf("got %t, want %t; %v", !c.want, c.want, err)
			}
		})
	}
}

func TestATemplateThatLeavesPodsOutSaysBySelf(t *testing.T) {
	for template, want := range map[string]string{
		`{}`:                             "",
		`{"includedResources":["*"]}`:    "",
		`{"includedResources":["pods"]}`: "",
		`{"includedResources":["secrets","Pod"]}`:                     "",
		`{"includedResources":["secrets"]}`:                           "includedResources",
		`{"excludedResources":["events"]}`:                            "",
		`{"excludedResources":["events","po"]}`:                       "excludedResources",
		`{"excludedResources":["*"]}`:                                 "excludedResources",
		`{"includedNamespaceScopedResources":["configmaps"]}`:         "includedNamespaceScopedResources",
		`{"excludedNamespaceScopedResources":["PODS"]}`:               "excludedNamespaceScopedResources",
		`{"excludedClusterScopedResources":["pods"]}`:                 "",
		`{"includedResources":["pods"],"excludedResources":["pods"]}`: "excludedResources",
	} {
		client, _ := serve(
			t,
			map[string]string{
				at + "schedules/s": `{"kind":"Schedule","apiVersion":"velero.io/v1","metadata":{"name":"s"},"spec":{"template":` + template + `}}`,
			},
		)
		if s, err := client.Schedule(t.Context(), "s"); err != nil || s.PodsLeftOut != want {
			t.Errorf("%s: got %q, want %q; %v", template, s.PodsLeftOut, want, err)
		}
	}
}

func TestBackupsOfAScheduleComeNewestFirst(t *testing.T) {
	backup := func(name, created, status string) string {
		return `{"metadata":{"name":"` + name + `","creationTimestamp":"` + created + `","labels":{"velero.io/schedule-name":"shop"}},"status":{` + status + `}}`
	}
	client, _ := serve(t, map[string]string{at + "backups?velero.io/schedule-name=shop": listOf(
		// A backup that was read back from the bucket is made anew as an object: its start counts.
		backup("old", "2026-11-09T00:00:00Z", `"phase":"Completed","startTimestamp":"2026-11-01T00:00:00Z"`),
		backup(
			"new",
			"2026-11-03T00:00:00Z",
			`"phase":"Completed","startTimestamp":"2026-11-03T00:00:01Z","completionTimestamp":"2026-11-03T00:00:09Z","expiration":"2026-12-03T00:00:01Z",
			"errors":1,"warnings":2,"failureReason":"why","hookStatus":{"hooksAttempted":2,"hooksFailed":1},"progress":{"totalItems":9,"itemsBackedUp":8}`,
		),
		backup("waiting", "2026-11-04T00:00:00Z", `"phase":"New"`),
		backup("going", "2026-11-02T00:00:00Z", `"phase":"Deleting"`),
	)})
	found, err := client.Backups(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, b := range found {
		names = append(names, b.Name)
	}
	if got := strings.Join(names, " "); got != "waiting new going old" {
		t.Errorf("order is %s", got)
	}
	b := found[1]
	if b.HooksAttempted != 2 || b.HooksFailed != 1 || b.Errors != 1 || b.Warnings != 2 || b.FailureReason != "why" ||
		b.ItemsBackedUp != 8 || b.ItemsTotal != 9 ||
		b.ScheduleName != "shop" || b.Expiration.Sub(b.Started) != 30*24*time.Hour || b.Completed.Sub(b.Started) != 8*time.Second ||
		b.Deleting {
		t.Errorf("backup is %+v", b)
	}
	if !found[2].Deleting || found[0].Deleting || Done(found[0].Phase) || !Done(b.Phase) {
		t.Error("what is going and what has ended is mixed up")
	}
}

func TestVolumesRestoresAndLocationsAreRead(t *testing.T) {
	long := strings.Repeat("long-", 14)
	volume := func(spec, status string) string {
		return listOf(
			`{"metadata":{"name":"v1"},"spec":{"pod":{"name":"db-0","namespace":"shops"},"volume":"dumps"` + spec + `},"status":{"phase":"Failed","message":"no room","startTimestamp":"2026-11-03T00:00:00Z",
			"completionTimestamp":"2026-11-03T00:00:05Z","progress":{"bytesDone":10,"totalBytes":20}` + status + `}}`,
		)
	}
	client, _ := serve(t, map[string]string{
		// The label as Velero v1.18.3 writes it.
		at + "podvolumebackups?velero.io/backup-name=" + long[:57] + "29195b": volume("", `,"snapshotID":"abc"`),
		at + "podvolumerestores?velero.io/restore-name=r":                     volume(`,"snapshotID":"abc"`, ""),
		at + "restores": listOf(
			`{"metadata":{"name":"r1","creationTimestamp":"2026-11-01T00:00:00Z"},"spec":{"backupName":"b"}}`,
			`{"metadata":{"name":"r2","creationTimestamp":"2026-11-02T00:00:00Z","deletionTimestamp":"2026-11-02T00:00:00Z"},"spec":{"backupName":"b","namespaceMapping":{"a":"b"}},
			"status":{"phase":"PartiallyFailed","errors":3,"hookStatus":{"hooksAttempted":1,"hooksFailed":1},"progress":{"totalItems":5,"itemsRestored":4}}}`,
		),
		at + "backupstoragelocations/default": `{"kind":"BackupStorageLocation","apiVersion":"velero.io/v1","metadata":{"name":"default"},"spec":{"accessMode":"ReadOnly","objectStorage":{"bucket":"b","prefix":"p"},"validationFrequency":"0s"},
			"status":{"phase":"Unavailable","message":"no route","lastSyncedTime":"2026-11-03T00:00:00Z","lastValidationTime":"2026-11-03T00:00:01Z"}}`,
		at + "backupstoragelocations/plain": `{"kind":"BackupStorageLocation","apiVersion":"velero.io/v1","metadata":{"name":"plain"}}`,
	})
	for name, ask := range map[string]func() ([]PodVolume, error){
		"backup":  func() ([]PodVolume, error) { return client.PodVolumeBackups(t.Context(), long) },
		"restore": func() ([]PodVolume, error) { return client.PodVolumeRestores(t.Context(), "r") },
	} {
		found, err := ask()
		want := PodVolume{
			Name:         "v1",
			Pod:          "db-0",
			PodNamespace: "shops",
			Volume:       "dumps",
			Phase:        PhaseFailed,
			Message:      "no room",
			SnapshotID:   "abc",
			Started:      clock("2026-11-03T00:00:00Z"),
			Completed:    clock("2026-11-03T00:00:05Z"),
			BytesDone:    10,
			TotalBytes:   20,
		}
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %+v, %v", name, found, err)
		}
		found[0].Started, found[0].Completed = found[0].Started.UTC(), found[0].Completed.UTC()
		if !reflect.DeepEqual(found[0], want) {
			t.Errorf("%s: %+v", name, found[0])
		}
	}
	restores, err := client.Restores(t.Context())
	if err != nil || len(restores) != 2 {
		t.Fatal(restores, err)
	}
	if r := restores[0]; r.Name != "r2" || r.Backup != "b" || !r.Deleting || r.Errors != 3 || r.HooksFailed != 1 ||
		r.ItemsRestored != 4 || r.ItemsTotal != 5 || r.NamespaceMapping["a"] != "b" {
		t.Errorf("restore is %+v", r)
	}
	location, err := client.StorageLocation(t.Context(), "default")
	if err != nil || location.Phase != "Unavailable" || location.Message != "no route" ||
		location.AccessMode != "ReadOnly" ||
		location.Bucket != "b" ||
		location.Prefix != "p" ||
		location.ValidationFrequency != 0 ||
		location.LastValidated.Sub(location.LastSynced) != time.Second {
		t.Errorf("location is %+v, %v", location, err)
	}
	plain, err := client.StorageLocation(t.Context(), "plain")
	if err != nil || plain.AccessMode != "ReadWrite" || plain.ValidationFrequency != time.Minute ||
		!plain.LastValidated.IsZero() {
		t.Errorf("a location of defaults is %+v, %v", plain, err)
	}
}

func TestATemplateBecomesABackupUnchanged(t *testing.T) {
	client, changes := serve(t, map[string]string{at + "schedules/shop": scheduleObject})
	s, err := client.Schedule(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	made, err := client.CreateBackup(
		t.Context(), "shop-1", map[string]string{LabelSchedule: "shop"}, map[string]string{"a": "b"}, s.Template,
	)
	if err != nil || made.Name != "shop-1" || made.ScheduleName != "shop" || made.TTL != 720*time.Hour {
		t.Fatalf("made %+v, %v", made, err)
	}
	var sent, want struct {
		Kind, APIVersion string
		Metadata         struct {
			Name, Namespace     string
			Labels, Annotations map[string]string
		}
		Spec map[string]any
	}
	var schedule struct {
		Spec struct{ Template map[string]any }
	}
	if err := errors.Join(json.Unmarshal([]byte((*changes)[0].body), &sent),
		json.Unmarshal([]byte(scheduleObject), &schedule)); err != nil {
		t.Fatal(err)
	}
	want = sent
	want.Kind, want.APIVersion, want.Spec = "Backup", "velero.io/v1", schedule.Spec.Template
	want.Metadata.Name, want.Metadata.Namespace, want.Metadata.Labels, want.Metadata.Annotations = "shop-1", "velero", map[string]string{
		LabelSchedule: "shop",
	}, map[string]string{
		"a": "b",
	}
	if !reflect.DeepEqual(sent, want) {
		t.Errorf("sent %+v\nwant %+v", sent, want)
	}
	if !strings.Contains((*changes)[0].query, "fieldValidation=Strict") {
		t.Errorf("a field that Velero does not know would be dropped: %s", (*changes)[0].query)
	}
}

func TestRestoresAreMadeCanceledAndDeleted(t *testing.T) {
	client, changes := serve(
		t,
		map[string]string{at + "podvolumerestores/v": `{"kind":"PodVolumeRestore","apiVersion":"velero.io/v1"}`,
			at + "restores/r": `{"kind":"Status","apiVersion":"v1","status":"Success"}`},
	)
	made, err := client.CreateRestore(t.Context(), "r", map[string]string{"l": "1"},
		map[string]any{"backupName": "b", "namespaceMapping": map[string]any{"a": "c"}})
	if err != nil || made.Backup != "b" || made.NamespaceMapping["a"] != "c" || made.Labels["l"] != "1" {
		t.Fatalf("made %+v, %v", made, err)
	}
	if err := errors.Join(client.CancelPodVolumeRestore(t.Context(), "v"), client.DeleteRestore(t.Context(), "r")); err != nil {
		t.Fatal(err)
	}
	for i, want := range []request{{"POST", at + "restores", "", ""}, {"PATCH", at + "podvolumerestores/v", "",
		`{"spec":{"cancel":true}}`}, {"DELETE", at + "restores/r", "", ""}} {
		got := (*changes)[i]
		if got.method != want.method || got.path != want.path || want.body != "" && got.body != want.body {
			t.Errorf("request %d is %+v", i, got)
		}
	}
}

func TestAMissingKindIsToldFromAMissingObjectAndFromOtherFailures(t *testing.T) {
	for name, c := range map[string]struct {
		answer    string // empty: no such kind
		installed bool
		notFound  bool
		says      string
	}{
		"no such kind":   {"", false, false, "this cluster has no Velero"},
		"no such object": {missing, true, true, "schedules velero/shop: not there"},
		"no right": {`{"kind":"Status","apiVersion":"v1","status":"Failure","code":403,"reason":"Forbidden","message":"may not"}`,
			true, false, "schedules velero/shop: may not"},
		"half an answer": {`{"kind":"Schedule","spec":{`, true, false, "schedules velero/shop"},
		"a wrong type": {`{"kind":"Schedule","apiVersion":"velero.io/v1","metadata":{"name":"shop"},"spec":{"schedule":5}}`, true,
			false, "schedules velero/shop"},
		"a wrong ttl": {`{"kind":"Schedule","apiVersion":"velero.io/v1","metadata":{"name":"shop"},"spec":{"template":{"ttl":"a month"}}}`, true, false, "schedules velero/shop"},
	} {
		t.Run(name, func(t *testing.T) {
			answers := map[string]string{}
			if c.answer != "" {
				answers[at+"schedules/shop"] = c.answer
			}
			client, _ := serve(t, answers)
			_, err := client.Schedule(t.Context(), "shop")
			if err == nil || errors.Is(err, ErrNotInstalled) == c.installed ||
				apierrors.IsNotFound(err) != c.notFound ||
				!strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v", err)
			}
		})
	}
	client, _ := serve(t, map[string]string{})
	if _, err := client.Backups(t.Context(), "shop"); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("a list of a missing kind: %v", err)
	}
}
