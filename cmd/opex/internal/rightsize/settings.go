package rightsize

import (
	"fmt"

	"github.com/opex-project/opex/cmd/opex/internal/stackfile"
)

// Settings are the changes as values of the stack's config, and what to say about them. A limit is raised only where it
// would be below its request, which Kubernetes refuses.
func (r Report) Settings() (settings []stackfile.Setting, notes []string) {
	for _, service := range r.Services {
		for _, row := range service.Rows {
			if !row.changes() {
				continue
			}
			if row.setting == nil {
				notes = append(
					notes,
					fmt.Sprintf(
						"%s %s: left out: the stack's config has no setting for this container", row.name(),
						row.Resource,
					),
				)
				continue
			}
			from := ""
			if row.Request != nil {
				from = setting(row.Resource, *row.Request)
			}
			to := setting(row.Resource, *row.Proposed)
			settings = append(settings, stackfile.Setting{Service: service.Name, Keys: row.setting, From: from, To: to})
			if row.limit == nil || row.limit.Cmp(*row.Proposed) >= 0 {
				continue
			}
			keys := append([]string{}, row.setting...)
			keys[len(keys)-2] = "limits"
			settings = append(
				settings,
				stackfile.Setting{Service: service.Name, Keys: keys, From: setting(row.Resource, *row.limit), To: to},
			)
			notes = append(
				notes,
				fmt.Sprintf("%s %s: the limit of %s is raised to %s too: Kubernetes refuses a limit below the request",
					row.name(), row.Resource, show(row.Resource, row.limit), to),
			)
		}
	}
	return settings, notes
}
