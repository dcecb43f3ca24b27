// What the official Kubernetes provider uses of its Go SDK. The SDK declares each Kubernetes kind as Go types for programs; the
// provider registers resources by their tokens and needs none of them.
module github.com/pulumi/pulumi-kubernetes/sdk/v4

go 1.26.0

require github.com/pulumi/pulumi/sdk/v3 v3.215.0
