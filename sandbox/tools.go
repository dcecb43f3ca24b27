//go:build tools

// Package tools pins the programs that the sandbox builds from other modules.
package tools

import (
	_ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
	_ "github.com/versity/versitygw/cmd/versitygw"
)
