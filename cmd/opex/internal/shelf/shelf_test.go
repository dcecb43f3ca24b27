package shelf

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/opex-project/opex/cmd/opex/internal/evidence"
	"github.com/opex-project/opex/internal/contract"
)

var (
	vault = contract.BackupVault{Namespace: "velero", Bucket: "backups", Region: "us-east-1", CredentialsSecret: "keys"}
	began = time.Date(2026, 11, 1, 2, 0, 0, 0, time.UTC)
)

func record(kind string, at time.Time) evidence.Record {
	return evidence.Record{
		Schema:    evidence.Schema,
		Version:   evidence.Version,
		Kind:      kind,
		Verdict:   evidence.Proven,
		Service:   "task-api",
		StartedAt: at,
		RTO:       12.5,
		Backup: evidence.Backup{
			Name:     "b",
			Schedule: "s",
		},
		Tables: []evidence.Table{{Name: "public.tasks", Rows: 3, RestoredRows: 3, Equal: true}},
	}
}

func TestARecordComesBackAsItWasStoredNewestFirst(t *testing.T) {
	client := fake.NewClientset()
	for i, kind := range []string{evidence.KindDrill, evidence.KindRestore, evidence.KindDrill} {
		if _, err := Store(t.Context(), client, vault, record(kind, began.Add(time.Duration(i)*time.Hour))); err != nil {
			t.Fatal(err)
		}
	}
	found, err := Latest(t.Context(), client, vault, "task-api")
	if err != nil || len(found) != 3 {
		t.Fatalf("%d records, error %v", len(found), err)
	}
	got, _ := json.Marshal(found[1])
	want, _ := json.Marshal(record(evidence.KindRestore, began.Add(time.Hour)))
	if string(got) != string(want) || !found[0].StartedAt.After(found[2].StartedAt) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if others, err := Latest(t.Context(), client, vault, "other"); err != nil || len(others) != 0 {
		t.Errorf("another service has %d records, error %v", len(others), err)
	}
}

func TestTheNewestTwentyStayAndOtherServicesAreLeftAlone(t *testing.T) {
	client := fake.NewClientset()
	other := record(evidence.KindDrill, began)
	other.Service = "other"
	for i := range kept + 4 {
		if _, err := Store(t.Context(), client, vault, record(evidence.KindDrill, began.Add(time.Duration(i)*time.Minute))); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if _, err := Store(t.Context(), client, vault, other); err != nil {
				t.Fatal(err)
			}
		}
	}
	found, err := Latest(t.Context(), client, vault, "task-api")
	if err != nil || len(found) != kept || !found[kept-1].StartedAt.Equal(began.Add(4*time.Minute)) {
		t.Errorf("%d records, the oldest of %s, error %v", len(found), found[len(found)-1].StartedAt, err)
	}
	if others, err := Latest(t.Context(), client, vault, "other"); err != nil || len(others) != 1 {
		t.Errorf("another service has %d records, error %v", len(others), err)
	}
}

func TestWhatCannotBeReadIsNoEvidence(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*evidence.Record)
		text   string
		says   string
	}{
		"no JSON":           {text: "{", says: "not the JSON of a record"},
		"nothing":           {text: "", says: "not the JSON of a record"},
		"another schema":    {change: func(r *evidence.Record) { r.Schema = "x" }, says: `schema "x"`},
		"a later version":   {change: func(r *evidence.Record) { r.Version = 2 }, says: "version 2"},
		"an unknown kind":   {change: func(r *evidence.Record) { r.Kind = "dream" }, says: `kind "dream"`},
		"no verdict at all": {change: func(r *evidence.Record) { r.Verdict = "" }, says: `verdict ""`},
	} {
		t.Run(name, func(t *testing.T) {
			text := c.text
			if c.change != nil {
				r := record(evidence.KindDrill, began)
				c.change(&r)
				data, _ := json.Marshal(r)
				text = string(data)
			}
			client := fake.NewClientset(
				&corev1.ConfigMap{
					ObjectMeta: metav1.ObjectMeta{Name: "bad", Namespace: "velero", Labels: map[string]string{
						contract.LabelManagedBy: managedBy, LabelKind: evidence.KindDrill, labelService: "task-api"}},
					Data: map[string]string{key: text},
				},
			)
			_, err := Latest(t.Context(), client, vault, "task-api")
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "velero/bad") {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestStaticKeysAreThoseOfTheProfileDefault(t *testing.T) {
	for name, c := range map[string]struct{ file, id, says string }{
		"default":           {"[default]\naws_access_key_id = A\naws_secret_access_key=B\n", "A", ""},
		"after another":     {"[x]\naws_access_key_id=X\naws_secret_access_key=X\n[default]\naws_access_key_id=A\naws_secret_access_key=B", "A", ""},
		"another only":      {"[x]\naws_access_key_id=X\naws_secret_access_key=X\n", "", "profile default"},
		"no secret":         {"[default]\naws_access_key_id=A\n", "", "profile default"},
		"the key is absent": {"", "", "profile default"},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := staticKeys(c.file)
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error is %v", err)
				}
				return
			}
			got, _ := keys.Retrieve(t.Context())
			if err != nil || got.AccessKeyID != c.id {
				t.Errorf("keys %+v, error %v", got, err)
			}
		})
	}
}

func TestTheBucketKeepsARecordOutsideOfVelerosFolderWhateverTheEnvironmentSays(t *testing.T) {
	t.Setenv("AWS_CA_BUNDLE", "/nowhere")
	var asked []string
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `<Error><Code>NoSuchKey</Code></Error>`)
		}
	}))
	defer store.Close()
	at := vault
	at.URL, at.Prefix = store.URL, "velero"
	client := fake.NewClientset(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "keys", Namespace: "velero"},
		Data: map[string][]byte{"cloud": []byte("[default]\naws_access_key_id=A\naws_secret_access_key=B\n")}})
	bucket, err := OpenBucket(t.Context(), client, at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Put(t.Context(), record(evidence.KindDrill, began)); err != nil {
		t.Error(err)
	}
	if _, err := bucket.Contents(t.Context(), "b"); err == nil || !strings.Contains(err.Error(), "NoSuchKey") {
		t.Errorf("a list that is not there: %v", err)
	}
	want := []string{
		"PUT /backups/opex/drills/task-api/2026-11-01T02:00:00Z.json",
		"GET /backups/velero/backups/b/b-resource-list.json.gz",
	}
	if !slices.Equal(asked, want) {
		t.Errorf("asked %q\nwant  %q", asked, want)
	}
	if _, err := OpenBucket(t.Context(), fake.NewClientset(), at); err == nil ||
		!strings.Contains(err.Error(), "right: get on Secret velero/keys") {
		t.Errorf("without keys: %v", err)
	}
}
