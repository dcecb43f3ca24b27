package velero

import (
	"errors"
	"strings"
	"testing"
)

func TestAllOfAKindIsAskedForOnceAndToldApartByOwner(t *testing.T) {
	long := "shop-" + strings.Repeat("x", 70)
	backup := func(name, schedule, ttl string) string {
		return `{"metadata":{"name":"` + name + `","creationTimestamp":"2026-11-0` + name[1:] + `T00:00:00Z","labels":{"velero.io/schedule-name":"` + schedule + `"}},"spec":{"ttl":"` + ttl + `"}}`
	}
	volume := func(name, backup string) string {
		return `{"metadata":{"name":"` + name + `","labels":{"velero.io/backup-name":"` + backup + `"}},"spec":{"volume":"` + name + `"}}`
	}
	client, _ := serve(t, map[string]string{
		at + "schedules": listOf(`{"metadata":{"name":"shop"}}`, `{"metadata":{"name":"till"},"spec":{"schedule":5}}`),
		at + "backups": listOf(
			backup("b1", "shop", "1h"), backup("b3", "shop", "1h"), backup("b2", "till", "a month"),
			backup("b4", "bank", "1h"), `{"metadata":{"name":"by-hand"},"spec":{"ttl":"a month"}}`,
		),
		at + "podvolumebackups": listOf(
			volume("v2", LabelValue(long)), volume("v1", LabelValue(long)), volume("v3", "b4"),
		),
	})
	schedules, err := client.AllSchedules(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found, err := schedules.Of("shop"); err != nil || len(found) != 1 || found[0].Name != "shop" {
		t.Errorf("Schedule shop: %+v, %v", found, err)
	}
	if _, err := schedules.Of("till"); err == nil || !strings.Contains(err.Error(), "schedules velero/till") {
		t.Errorf("a Schedule that cannot be read: %v", err)
	}
	if found, err := schedules.Of("nobody"); err != nil || len(found) != 0 {
		t.Errorf("no Schedule: %+v, %v", found, err)
	}
	backups, err := client.AllBackups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found, err := backups.Of("shop"); err != nil || len(found) != 2 || found[0].Name != "b3" ||
		found[1].Name != "b1" {
		t.Errorf("backups of shop: %+v, %v", found, err)
	}
	if _, err := backups.Of("till"); err == nil || !strings.Contains(err.Error(), "backups velero/b2") {
		t.Errorf("a backup that cannot be read: %v", err)
	}
	if found, err := backups.Of(""); err != nil || len(found) != 0 {
		t.Errorf("backups without a Schedule: %+v, %v", found, err)
	}
	volumes, err := client.AllPodVolumeBackups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found, err := volumes.Of(LabelValue(long)); err != nil || len(found) != 2 || found[0].Volume != "v1" ||
		found[1].Volume != "v2" {
		t.Errorf("volumes of %s: %+v, %v", long, found, err)
	}
}

func TestAListThatComesInPagesIsReadWhole(t *testing.T) {
	client, _ := serve(t, map[string]string{
		at + "restores":       `{"kind":"List","apiVersion":"velero.io/v1","metadata":{"continue":"page2"},"items":[{"metadata":{"name":"a"}}]}`,
		at + "restores?page2": `{"kind":"List","apiVersion":"velero.io/v1","metadata":{"continue":"page3"},"items":[{"metadata":{"name":"b"}}]}`,
		at + "restores?page3": listOf(`{"metadata":{"name":"c"}}`),
		at + "backups":        `{"kind":"List","apiVersion":"velero.io/v1","metadata":{"continue":"page2"},"items":[]}`,
		at + "backups?page2":  `{"kind":"Status","apiVersion":"v1","status":"Failure","code":410,"reason":"Expired","message":"too old"}`,
	})
	if found, err := client.Restores(t.Context()); err != nil || len(found) != 3 {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := client.AllBackups(t.Context()); err == nil || !strings.Contains(err.Error(), "too old") {
		t.Errorf("half a list: %v", err)
	}
	if _, err := client.AllSchedules(t.Context()); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("a kind that is missing: %v", err)
	}
}
