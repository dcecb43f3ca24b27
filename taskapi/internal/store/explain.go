package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// temporary are the error codes (or their classes) of a server that is down, starting, full, read-only after a
// failover, being restored, misconfigured, or too slow: PostgreSQL's appendix "Error Codes". Any other code is a bug of
// ours.
var temporary = []string{"08", "28", "3D", "40", "53", "57P", "57014", "58", "25006", "42P01"}

// explain marks the errors that are the database's with ErrUnavailable.
func explain(err error) error {
	var pg *pgconn.PgError
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return err
	case !errors.As(err, &pg): // no answer of the server: the way to it, or the time, is the trouble
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	for _, class := range temporary {
		if strings.HasPrefix(pg.Code, class) {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return err
}
