package cost

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/backup"
	"github.com/opex-project/opex/components/platform"
)

const (
	databaseUserID   = 999 // postgres in the official image
	postgresPort     = 5432
	postgresPortName = "postgres"

	passwordKey  = "password" // in the Secret, and so the name of the mounted file
	passwordPath = "/etc/postgres-secret"
	dataPath     = "/var/lib/postgresql/data"

	// databaseGraceSeconds is for the last checkpoint: without it the next start has to recover first.
	databaseGraceSeconds = 60
)

// setPassword makes the role's password that of the Secret, at each start: PostgreSQL itself reads the file on the very
// first one only. It asks over TCP, where the temporary server of that first start does not listen. psql reads
// the password from the file, so that no process shows it among its arguments.
const setPassword = `set -eu
tries=0
until pg_isready --quiet --host=127.0.0.1; do
  tries=$((tries + 1))
  if [ "$tries" -ge 300 ]; then
    echo "postgres did not answer within 300 s, so its password was not set" >&2
    exit 1
  fi
  sleep 1
done
psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" << 'SQL'
\set password ` + "`cat \"$POSTGRES_PASSWORD_FILE\"`" + `
ALTER ROLE CURRENT_USER PASSWORD :'password';
SQL
`

// databasePod is the template of the PostgreSQL pod.
func databasePod(a appArgs) *corev1.PodTemplateSpecArgs {
	s := a.service
	annotations := passwordAnnotation(a)
	for key, value := range backup.PodAnnotations(s) {
		annotations[key] = pulumi.String(value)
	}
	return &corev1.PodTemplateSpecArgs{
		Metadata: a.podMetadata(platform.ComponentDatabase, annotations),
		Spec: &corev1.PodSpecArgs{
			ServiceAccountName:            pulumi.String(s.Name),
			AutomountServiceAccountToken:  pulumi.Bool(false),
			EnableServiceLinks:            pulumi.Bool(false),
			TerminationGracePeriodSeconds: pulumi.Int(databaseGraceSeconds),
			SecurityContext:               platform.PodSecurity(databaseUserID),
			PriorityClassName:             a.priorityClass(),
			NodeSelector:                  nodeSelector(s.Nodes),
			Tolerations:                   platform.TolerationsOf(s.Nodes.Tolerations),
			Containers:                    corev1.ContainerArray{databaseContainer(a)},
			Volumes: corev1.VolumeArray{
				&corev1.VolumeArgs{Name: pulumi.String("secret"), Secret: &corev1.SecretVolumeSourceArgs{
					SecretName:  pulumi.String(s.DatabaseName()),
					DefaultMode: pulumi.Int(0o440), // the pod's group reads it
				}},
				backup.HookVolume(s),
				platform.EmptyDir("run"),
				platform.EmptyDir("tmp"),
			},
		},
	}
}

func databaseContainer(a appArgs) *corev1.ContainerArgs {
	s := a.service
	answers := platform.Exec(
		"pg_isready", "--quiet", "--host=127.0.0.1", "--username="+s.DatabaseUser(), "--dbname="+s.DatabaseUser(),
	)
	return &corev1.ContainerArgs{
		Name:  pulumi.String(backup.DatabaseContainer),
		Image: pulumi.String(s.Database.Image),
		Env: corev1.EnvVarArray{
			variable("POSTGRES_USER", s.DatabaseUser()),
			variable("POSTGRES_DB", s.DatabaseUser()),
			variable("POSTGRES_PASSWORD_FILE", passwordPath+"/"+passwordKey),
			variable("PGDATA", dataPath+"/pgdata"), // a folder below: a new volume's root may hold lost+found
			// What the hooks need beside these.
			variable("DUMP_PATH", backup.DumpPath),
			&corev1.EnvVarArgs{Name: pulumi.String("POD_IP"), ValueFrom: &corev1.EnvVarSourceArgs{
				FieldRef: &corev1.ObjectFieldSelectorArgs{
					ApiVersion: pulumi.String("v1"),
					FieldPath:  pulumi.String("status.podIP"),
				},
			}},
		},
		Ports:           corev1.ContainerPortArray{platform.Port(postgresPortName, postgresPort)},
		Resources:       platform.ResourcesOf(s.Database.Resources),
		SecurityContext: platform.ContainerSecurity(),
		// Up to five minutes: a start after a crash replays the log first.
		StartupProbe:   platform.Probe(answers, 2, 2, 150),
		ReadinessProbe: platform.Probe(platform.Exec(backup.HookPath+"/ready.sh"), 5, 5, 2),
		// Slow to judge: a restart in the middle of a heavy query makes things worse.
		LivenessProbe: platform.Probe(answers, 20, 5, 6),
		Lifecycle: &corev1.LifecycleArgs{PostStart: &corev1.LifecycleHandlerArgs{
			Exec: &corev1.ExecActionArgs{Command: pulumi.ToStringArray([]string{"/bin/sh", "-c", setPassword})},
		}},
		VolumeMounts: corev1.VolumeMountArray{
			mount(backup.DataVolume, dataPath),
			mount(backup.DumpVolume, backup.DumpPath),
			backup.HookMount(),
			&corev1.VolumeMountArgs{
				Name:      pulumi.String("secret"),
				MountPath: pulumi.String(passwordPath),
				ReadOnly:  pulumi.Bool(true),
			},
			mount("run", "/var/run/postgresql"), // the socket
			mount("tmp", "/tmp"),
		},
	}
}

func mount(volume, path string) *corev1.VolumeMountArgs {
	return &corev1.VolumeMountArgs{Name: pulumi.String(volume), MountPath: pulumi.String(path)}
}
