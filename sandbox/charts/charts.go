// Package charts holds the sandbox's own charts, in place of official ones that no package registry has: the same
// names, versions, keys and defaults of values, and the same names of what they install. What they do not implement,
// their schemas refuse: an official chart would act on it, and nobody would notice that it was not tried here.
package charts

import "embed"

// Files has a folder for each chart.
//
//go:embed all:opencost all:prometheus all:velero
var Files embed.FS
