package velero

import (
	"cmp"
	"fmt"
	"strings"
)

// HooksOfADump are those of a database's pod: the one before the backup, which dumps, and the one after.
const HooksOfADump = 2

// Flaw says what is wrong with a backup by its own word, as what follows "it is"; nothing is wrong with a good one.
// The backup of a database must have run its hooks.
func (b Backup) Flaw(database bool) string {
	switch {
	case !Done(b.Phase):
		return cmp.Or(b.Phase, "New") + ": it has not ended"
	case b.Phase != PhaseCompleted || b.HooksFailed > 0:
		return b.Phase + strings.TrimRight(": "+strings.Join(b.reasons(), "; "), ": ")
	case database && b.HooksAttempted == 0:
		return b.Phase + ", and no hook ran: there is no dump in it"
	case database && b.HooksAttempted < HooksOfADump:
		return fmt.Sprintf("%s, and %d hook ran: want the one before and the one after", b.Phase, b.HooksAttempted)
	}
	return ""
}

// reasons are those that a backup gives for its failure.
func (b Backup) reasons() []string {
	var all []string
	if b.FailureReason != "" {
		all = append(all, b.FailureReason)
	}
	all = append(all, b.ValidationErrors...)
	if b.HooksFailed > 0 {
		all = append(all, fmt.Sprintf("%d of %d hooks failed", b.HooksFailed, b.HooksAttempted))
	}
	if b.Errors > 0 {
		all = append(all, fmt.Sprintf("%d errors", b.Errors))
	}
	return all
}

// Flaw says why no backup is made by a Schedule, as what follows "it is"; nothing is wrong with a good one.
func (s Schedule) Flaw() string {
	switch {
	case s.Phase == PhaseFailedValidation || len(s.ValidationErrors) > 0:
		return "refused by Velero: " + strings.Join(s.ValidationErrors, "; ")
	case s.Paused:
		return "paused: no backup is made"
	}
	return ""
}

// Flaw says why Velero cannot use a bucket, as what follows "it is"; nothing is wrong with a good one. Write is for
// making backups.
func (l StorageLocation) Flaw(write bool) string {
	switch {
	case write && l.AccessMode != "ReadWrite":
		return l.AccessMode + " for Velero: no backup can be made"
	case l.Phase == "":
		return "not looked at by Velero yet"
	case l.Phase != PhaseAvailable:
		return l.Phase + ": " + cmp.Or(l.Message, "Velero does not say why")
	}
	return ""
}
