package image

import (
	"archive/tar"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// postgresMajor is the version of PostgreSQL in Debian 12.
const postgresMajor = "15"

// postgresUser is the user of the official image.
const postgresUser = "999"

const (
	users  = "root:x:0:0:root:/root:/bin/bash\npostgres:x:" + postgresUser + ":" + postgresUser + ":PostgreSQL:/var/lib/postgresql:/bin/bash\n"
	groups = "root:x:0:\npostgres:x:" + postgresUser + ":\n"
)

// postgresEntrypoint makes a new data folder on the first start, as the official image does.
//
//go:embed postgres-entrypoint.sh
var postgresEntrypoint []byte

// Postgres is PostgreSQL from Debian's packages, with the environment variables, the user and the folders of the
// official image, so that the same manifest runs on both.
func Postgres() Image {
	return Image{
		Name: "postgres", References: []string{"docker.io/library/postgres:15.20"},
		Config: v1.Config{
			Entrypoint: []string{"/usr/local/bin/docker-entrypoint.sh"},
			Cmd:        []string{"postgres"},
			User:       postgresUser + ":" + postgresUser,
			Env: []string{
				"PATH=/usr/lib/postgresql/" + postgresMajor + "/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
				"PGDATA=/var/lib/postgresql/data", "LANG=C.UTF-8", "PG_MAJOR=" + postgresMajor,
			},
			ExposedPorts: map[string]struct{}{"5432/tcp": {}},
			StopSignal:   "SIGINT", // a fast shutdown; SIGTERM would wait for every client to leave
		},
		// Debian's packages are taken once, whatever is newer there; only a change of this recipe takes them again.
		Recipe: strings.Join(debianArgs(), " ") + string(postgresEntrypoint) + users + groups,
		Layer:  postgresLayer,
	}
}

func postgresLayer(ctx context.Context, s layout.Sandbox, out io.Writer) error {
	base := s.Shared("images", "debian.tar")
	defer os.Remove(base)
	command := exec.CommandContext(ctx, "mmdebstrap", append(debianArgs(), "bookworm", base)...)
	var said bytes.Buffer
	command.Stderr = &said
	if err := command.Run(); err != nil {
		return fmt.Errorf("mmdebstrap: %w\n%s", err, said.String())
	}
	in, err := os.Open(base)
	if err != nil {
		return err
	}
	defer in.Close()
	archive := tar.NewWriter(out)
	for from := tar.NewReader(in); ; {
		header, err := from.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if strings.HasPrefix(header.Name, "./dev/") || header.Name == "./etc/passwd" || header.Name == "./etc/group" {
			continue // the runtime makes devices; the users stand below
		}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(archive, from); err != nil {
			return err
		}
	}
	// Debian makes this link when it configures its shell, which never happens here. initdb runs commands through it.
	shell := &tar.Header{Name: "./bin/sh", Typeflag: tar.TypeSymlink, Linkname: "bash", Mode: 0o777}
	return errors.Join(
		archive.WriteHeader(shell),
		writeFile(archive, "etc/passwd", 0o644, []byte(users)),
		writeFile(archive, "etc/group", 0o644, []byte(groups)),
		writeFile(archive, "usr/local/bin/docker-entrypoint.sh", 0o755, postgresEntrypoint),
		archive.Close(),
	)
}

// debianArgs choose the packages and leave out what a server in a container never reads; the JIT compiler alone is 120
// MB.
func debianArgs() []string {
	args := []string{"--variant=extract", "--quiet", "--include=postgresql-" + postgresMajor +
		",bash,coreutils,diffutils,findutils,grep,gzip,sed,libc-bin,tzdata"}
	for _, excluded := range []string{"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "*/libLLVM*", "*/bitcode/*", "/usr/share/perl/*"} {
		args = append(args, "--dpkgopt=path-exclude="+excluded)
	}
	return args
}
