package vpa

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// serve answers each path with a text, and with a status of its own where the text is a number.
func serve(t *testing.T, answers map[string]string) dynamic.Interface {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		answer, found := answers[r.URL.Path]
		switch {
		case !found:
			out.WriteHeader(http.StatusNotFound)
		case answer == "403":
			out.WriteHeader(http.StatusForbidden)
		}
		_, _ = out.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	client, err := dynamic.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

const (
	objects     = "/apis/autoscaling.k8s.io/v1/namespaces/shop/verticalpodautoscalers"
	checkpoints = "/apis/autoscaling.k8s.io/v1/namespaces/shop/verticalpodautoscalercheckpoints"
)

func of(items string) string {
	return `{"kind":"List","apiVersion":"autoscaling.k8s.io/v1","items":[` + items + `]}`
}

const whole = `{"kind":"VerticalPodAutoscaler","metadata":{"name":"api","namespace":"shop","creationTimestamp":"2026-11-01T00:00:00Z"},
	"spec":{"targetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"api"},"updatePolicy":{"updateMode":"Off"},
	"resourcePolicy":{"containerPolicies":[{"containerName":"*","minAllowed":{"cpu":"50m"}},
	{"containerName":"api","mode":"Off","maxAllowed":{"memory":"1Gi"},"controlledResources":["memory"]},{"containerName":"b","controlledResources":[]}]}},
	"status":{"conditions":[{"type":"RecommendationProvided","status":"True","lastTransitionTime":"2026-11-01T00:01:00Z"}],
	"recommendation":{"containerRecommendations":[{"containerName":"api","lowerBound":{"cpu":"10m"},"target":{"cpu":"25m"},"upperBound":{"cpu":"1"},"uncappedTarget":{"cpu":"12m"}}]}}}`

func TestListReadsWhatTheCommandNeeds(t *testing.T) {
	found, err := List(context.Background(), serve(t, map[string]string{objects: of(whole)}), "shop")
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	o := found[0]
	if o.Namespace != "shop" || o.Name != "api" || o.UpdateMode != ModeOff || o.TargetAPIVersion != "apps/v1" ||
		o.TargetKind != "Deployment" ||
		o.TargetName != "api" ||
		!o.Provided ||
		o.Message != "" ||
		o.ProvidedSince.Sub(o.Created) != time.Minute {
		t.Errorf("object is %+v", o)
	}
	advice, has := o.Recommendation("api")
	if !has || advice.Lower.Cpu().String() != "10m" || advice.Target.Cpu().String() != "25m" ||
		advice.Upper.Cpu().String() != "1" ||
		advice.Uncapped.Cpu().String() != "12m" {
		t.Errorf("advice is %+v", advice)
	}
	if _, has := o.Recommendation("b"); has {
		t.Error("a container without advice has some")
	}
}

func TestPolicyOfAContainerGoesBeforeTheGeneralOne(t *testing.T) {
	found, err := List(context.Background(), serve(t, map[string]string{objects: of(whole)}), "shop")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		name, mode string
		controlled []corev1.ResourceName
	}{
		"api":   {"api", ContainerOff, []corev1.ResourceName{"memory"}},
		"b":     {"b", "Auto", []corev1.ResourceName{}},
		"other": {"*", "Auto", []corev1.ResourceName{"cpu", "memory"}},
	}
	for container, c := range cases {
		policy, has := found[0].Policy(container)
		if !has || policy.Container != c.name || policy.Mode != c.mode ||
			!reflect.DeepEqual(policy.ControlledResources, c.controlled) {
			t.Errorf("%s: policy is %+v", container, policy)
		}
	}
	if _, has := (Object{}).Policy("api"); has {
		t.Error("an object without policies has one")
	}
}

func TestAnObjectThatNamesNoModeHasTheOneThatDeletesPods(t *testing.T) {
	for _, spec := range []string{`{}`, `{"updatePolicy":{}}`, `{"updatePolicy":null}`} {
		found, err := List(
			context.Background(),
			serve(t, map[string]string{objects: of(`{"metadata":{"name":"a"},"spec":` + spec + `}`)}), "shop",
		)
		if err != nil || found[0].UpdateMode != ModeRecreate || found[0].Provided {
			t.Errorf("%s: %+v, %v", spec, found, err)
		}
	}
}

func TestMessageIsTheCauseBeforeTheEffect(t *testing.T) {
	cases := map[string]struct{ conditions, want string }{
		"none":         {``, ""},
		"provided":     {`{"type":"RecommendationProvided","status":"True","message":"fine"}`, ""},
		"not provided": {`{"type":"RecommendationProvided","status":"False","message":"waiting"}`, "waiting"},
		"no pods": {
			`{"type":"RecommendationProvided","status":"False","message":"waiting"},{"type":"NoPodsMatched","status":"True","reason":"NoPodsMatched"}`,
			"NoPodsMatched",
		},
		"pods again": {`{"type":"NoPodsMatched","status":"False","message":"old"}`, ""},
		"a target without use": {
			`{"type":"NoPodsMatched","status":"True","message":"no pods"},{"type":"ConfigUnsupported","status":"True","message":"no such target"}`,
			"no such target",
		},
	}
	for name, c := range cases {
		item := `{"metadata":{"name":"a"},"status":{"conditions":[` + c.conditions + `]}}`
		found, err := List(context.Background(), serve(t, map[string]string{objects: of(item)}), "shop")
		if err != nil || found[0].Message != c.want {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
}

func TestListTellsAMissingKindFromOtherFailures(t *testing.T) {
	cases := map[string]struct {
		answer  string
		missing bool
		want    string
	}{
		"missing":        {"", true, "CustomResourceDefinition is missing"},
		"forbidden":      {"403", false, "verticalpodautoscalers in namespace shop"},
		"half an answer": {`{"items":[`, false, "verticalpodautoscalers in namespace shop"},
		"garbage":        {`<html>`, false, "verticalpodautoscalers in namespace shop"},
		"a wrong type": {
			of(`{"metadata":{"name":"a"},"spec":{"targetRef":"api"}}`), false, "verticalpodautoscalers shop/a",
		},
		"a broken quantity": {
			of(
				`{"metadata":{"name":"a"},"status":{"recommendation":{"containerRecommendations":[{"containerName":"a","target":{"cpu":"much"}}]}}}`,
			),
			false,
			"verticalpodautoscalers shop/a",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			answers := map[string]string{}
			if c.answer != "" {
				answers[objects] = c.answer
			}
			_, err := List(context.Background(), serve(t, answers), "shop")
			if err == nil || errors.Is(err, ErrNotInstalled) != c.missing || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestCheckpointsTellTheHistory(t *testing.T) {
	client := serve(
		t,
		map[string]string{
			checkpoints: of(`{"metadata":{"name":"api-api"},"spec":{"vpaObjectName":"api","containerName":"api"},
		"status":{"lastUpdateTime":"2026-11-03T00:00:30Z","firstSampleStart":"2026-11-01T00:00:00Z","lastSampleStart":"2026-11-03T00:00:00Z","totalSamplesCount":1440}},
		{"metadata":{"name":"new"},"spec":{"vpaObjectName":"new","containerName":"new"},"status":{"firstSampleStart":null,"lastSampleStart":null,"lastUpdateTime":null}}`),
		},
	)
	found, err := Checkpoints(context.Background(), client, "shop")
	if err != nil || len(found) != 2 {
		t.Fatal(found, err)
	}
	if c := found[0]; c.Autoscaler != "api" || c.Container != "api" || math.Abs(c.Days()-1) > 1e-9 ||
		c.Updated.Second() != 30 {
		t.Errorf("two days of half the samples are %+v, %g days", c, c.Days())
	}
	if c := found[1]; c.Days() != 0 || !c.Updated.IsZero() {
		t.Errorf("no sample is %+v, %g days", c, c.Days())
	}
	if _, err := Checkpoints(context.Background(), client, "other"); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("without the kind: %v", err)
	}
}
