//go:build tools

// Package tools pins the programs that the sandbox builds from other modules.
package tools

import (
	_ "github.com/prometheus/prometheus/cmd/prometheus"
	_ "github.com/prometheus/prometheus/cmd/promtool"
	_ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
	_ "github.com/versity/versitygw/cmd/versitygw"
	_ "github.com/vmware-tanzu/velero-plugin-for-aws/hack/cp-plugin"
	_ "github.com/vmware-tanzu/velero-plugin-for-aws/velero-plugin-for-aws"
	_ "github.com/vmware-tanzu/velero/cmd/velero"
	_ "github.com/vmware-tanzu/velero/cmd/velero-helper"
	_ "github.com/vmware-tanzu/velero/cmd/velero-restore-helper"
	_ "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender"
	_ "sigs.k8s.io/metrics-server/cmd/metrics-server"
)
