package review

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// database is a kind of database, what its pods look like, and what dumps it.
type database struct {
	name   string
	image  *regexp.Regexp // the last part of an image's name, without its tag
	port   float64
	folder []string // where its images keep data
	env    []string // what its images are set up by
	dumps  []string // programs, any of which does it
}

var databases = []*database{
	{
		"PostgreSQL",
		regexp.MustCompile(
			`^(postgres|postgresql|pgvector|timescaledb|timescale|spilo|postgis|citus|paradedb|crunchy-postgres|edb-postgres|` +
				`supabase-postgres|enterprisedb|harbor-db|percona-postgresql|percona-distribution-postgresql|pgautoupgrade|vectorchord-postgres)` + derived,
		),
		5432,
		[]string{
			"/var/lib/postgresql", "/bitnami/postgresql", "/home/postgres/pgdata",
		},
		[]string{"POSTGRES_PASSWORD", "PGDATA", "POSTGRESQL_PASSWORD", "POSTGRES_DB"},
		[]string{"pg_dump", "pg_dumpall", "pg_basebackup", "pgbackrest", "wal-g", "wal-e", "barman"},
	},
	{"MySQL", regexp.MustCompile(`^(mysql|mariadb|percona|percona-server|percona-xtradb-cluster)` + derived), 3306,
		[]string{
			"/var/lib/mysql", "/bitnami/mysql", "/bitnami/mariadb",
		}, []string{"MYSQL_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD", "MYSQL_ALLOW_EMPTY_PASSWORD"},
		[]string{"mysqldump", "mariadb-dump", "mysqlsh", "xtrabackup", "mariabackup", "mariadb-backup"}},
	{
		"MongoDB",
		regexp.MustCompile(
			`^(mongo|mongodb|percona-server-mongodb|mongodb-community-server|mongodb-enterprise-server)` + derived,
		),
		27017,
		[]string{
			"/data/db", "/bitnami/mongodb",
		},
		[]string{"MONGO_INITDB_ROOT_USERNAME", "MONGODB_ROOT_PASSWORD"},
		[]string{"mongodump"},
	},
}

// derived is how names of images go on that hold the same database: postgres-16, mysql-server, postgresql-repmgr,
// timescaledb-ha.
const derived = `(-?[0-9.]+|-(server|ha|repmgr|galera|cluster|sharded|alpine|gis|photon|postgis|community|enterprise|distribution))*$`

// others are images of what stands beside a database.
var others = regexp.MustCompile(
	`exporter|client|operator|proxy|bouncer|pgpool|admin|backup|router|haproxy|tools|shell|migrat|adminer|express|init|metrics|agent`,
)

var dumpPrograms = func() map[string]bool {
	all := map[string]bool{}
	for _, d := range databases {
		for _, program := range d.dumps {
			all[program] = true
		}
	}
	return all
}()

// imageName is the last part of an image's name, and its tag.
func imageName(image string) (name, tag string) {
	image, _, _ = strings.Cut(image, "@")
	name = image[strings.LastIndex(image, "/")+1:]
	name, tag, _ = strings.Cut(name, ":")
	return name, tag
}

// databaseOf is the kind of database that the pods of a workload are; nil: none that is known. A task that ends is
// none: it asks one.
func databaseOf(w *workload) *database {
	if w.ends() {
		return nil
	}
	for _, c := range w.containers() {
		for _, d := range databases {
			if d.in(c) {
				return d
			}
		}
	}
	return nil
}

// in says whether a container runs the database: by its image's name, by its folder, or by its port beside what else
// only a server is given.
func (d *database) in(c container) bool {
	name, _ := imageName(text(c.fields["image"]))
	if others.MatchString(name) || runsClient(c) {
		return false
	}
	port := slices.ContainsFunc(list(c.get("ports")), func(p any) bool { return get(p, "containerPort") == d.port })
	folder := slices.ContainsFunc(list(c.get("volumeMounts")), func(m any) bool {
		return slices.ContainsFunc(d.folder, func(f string) bool {
			return text(get(m, "mountPath")) == f || strings.HasPrefix(text(get(m, "mountPath")), f+"/")
		})
	})
	env := slices.ContainsFunc(
		list(c.get("env")), func(e any) bool { return slices.Contains(d.env, text(get(e, "name"))) },
	)
	return d.image.MatchString(name) || folder || port && (env || name == "" || len(list(c.get("volumeMounts"))) > 0)
}

// runsClient says whether a container runs something else than its image's own program: a client, a loop of a shell.
func runsClient(c container) bool {
	command := textList(c.get("command"))
	if len(command) == 0 {
		command = textList(c.get("args"))
	}
	if len(command) == 0 {
		return false
	}
	program := filepath.Base(command[0])
	return slices.Contains(
		[]string{"psql", "mysql", "mongo", "mongosh", "sleep", "tail", "crond", "pg_isready"}, program,
	) ||
		dumpPrograms[program]
}

// lacks says why a container of a workload cannot have a program, as far as that is known; empty: it may.
// https://github.com/MariaDB/mariadb-docker/issues/519
func lacks(c container, program string) string {
	image := text(c.fields["image"])
	name, tag := imageName(image)
	if name != "mariadb" || strings.Contains(image, "bitnami") ||
		!slices.Contains([]string{"mysqldump", "mysql", "mysqladmin"}, program) {
		return ""
	}
	version, _, _ := strings.Cut(strings.FieldsFunc(tag+".", func(r rune) bool { return r == '-' })[0], ".")
	if major, err := strconv.Atoi(version); err == nil && major < 11 {
		return ""
	}
	return "images of MariaDB have no " + program + " since 11.0: want mariadb-dump"
}
