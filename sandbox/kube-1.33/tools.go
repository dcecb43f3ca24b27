//go:build tools

// Package tools pins the upstream programs that are built from this module as they are.
package tools

import (
	_ "github.com/chaos-mesh/chaos-mesh/cmd/chaos-daemon"
	_ "github.com/chaos-mesh/chaos-mesh/cmd/chaos-daemon-helper"
	_ "github.com/opencost/opencost/cmd/costmodel"
)
