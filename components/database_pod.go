package components

import (
	"encoding/base64"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	databaseContainer = "postgres"
	databaseUserID    = 999 // postgres in the official image
	postgresPort      = 5432
	postgresPortName  = "postgres"

	passwordKey  = "password" // in the Secret, and so the name of the mounted file
	passwordPath = "/etc/postgres-secret"
	dataVolume   = "data"
	dataPath     = "/var/lib/postgresql/data"
	dumpVolume   = "dumps"
	dumpPath     = "/dumps"

	// databaseGraceSeconds is for the last checkpoint: without it the next start has to recover first.
	databaseGraceSeconds = 60
)

// databaseName is the name of the database's objects.
func (s ServiceSpec) databaseName() string { return s.Name + "-db" }

// databaseUser is the name of the role and of the database: the service's own, without what SQL would want quoted.
func (s ServiceSpec) databaseUser() string { return strings.ReplaceAll(s.Name, "-", "_") }

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
func databasePod(s ServiceSpec, l labels, passwordDigest pulumi.StringInput) *corev1.PodTemplateSpecArgs {
	answers := []string{"pg_isready", "--quiet", "--host=127.0.0.1", "--username=" + s.databaseUser(), "--dbname=" + s.databaseUser()}
	return &corev1.PodTemplateSpecArgs{
		Metadata: &metav1.ObjectMetaArgs{
			Labels:      l.object(componentDatabase),
			Annotations: passwordAnnotation(s, passwordDigest),
		},
		Spec: &corev1.PodSpecArgs{
			ServiceAccountName:            pulumi.String(s.Name),
			AutomountServiceAccountToken:  pulumi.Bool(false),
			EnableServiceLinks:            pulumi.Bool(false),
			TerminationGracePeriodSeconds: pulumi.Int(databaseGraceSeconds),
			SecurityContext:               podSecurity(databaseUserID),
			Containers: corev1.ContainerArray{corev1.ContainerArgs{
				Name:  pulumi.String(databaseContainer),
				Image: pulumi.String(s.Database.Image),
				Env: corev1.EnvVarArray{
					envVar("POSTGRES_USER", s.databaseUser()),
					envVar("POSTGRES_DB", s.databaseUser()),
					envVar("POSTGRES_PASSWORD_FILE", passwordPath+"/"+passwordKey),
					envVar("PGDATA", dataPath+"/pgdata"), // a folder below: a new volume's root may hold lost+found
				},
				Ports: corev1.ContainerPortArray{corev1.ContainerPortArgs{
					Name: pulumi.String(postgresPortName), ContainerPort: pulumi.Int(postgresPort), Protocol: pulumi.String("TCP"),
				}},
				Resources:       resources(s.Database.Resources),
				SecurityContext: containerSecurity(),
				// Up to five minutes: a start after a crash replays the log first.
				StartupProbe:   execProbe(answers, 2, 2, 150),
				ReadinessProbe: execProbe(answers, 5, 2, 2),
				// Slow to judge: a restart in the middle of a heavy query makes things worse.
				LivenessProbe: execProbe(answers, 20, 5, 6),
				Lifecycle: &corev1.LifecycleArgs{PostStart: &corev1.LifecycleHandlerArgs{
					Exec: &corev1.ExecActionArgs{Command: pulumi.ToStringArray([]string{"/bin/sh", "-c", setPassword})},
				}},
				VolumeMounts: corev1.VolumeMountArray{
					mount(dataVolume, dataPath),
					mount(dumpVolume, dumpPath),
					corev1.VolumeMountArgs{Name: pulumi.String("secret"), MountPath: pulumi.String(passwordPath), ReadOnly: pulumi.Bool(true)},
					mount("run", "/var/run/postgresql"), // the socket
					mount("tmp", "/tmp"),
				},
			}},
			Volumes: corev1.VolumeArray{
				corev1.VolumeArgs{Name: pulumi.String("secret"), Secret: &corev1.SecretVolumeSourceArgs{
					SecretName:  pulumi.String(s.databaseName()),
					DefaultMode: pulumi.Int(0o440), // the pod's group reads it
				}},
				emptyDir("run"),
				emptyDir("tmp"),
			},
		},
	}
}

func volumeClaim(volume string, size Quantity, s ServiceSpec, l labels) corev1.PersistentVolumeClaimTypeArgs {
	spec := &corev1.PersistentVolumeClaimSpecArgs{
		AccessModes: pulumi.StringArray{pulumi.String("ReadWriteOnce")},
		Resources:   &corev1.VolumeResourceRequirementsArgs{Requests: pulumi.StringMap{"storage": pulumi.String(size)}},
	}
	if s.Database.StorageClass != "" {
		spec.StorageClassName = pulumi.String(s.Database.StorageClass)
	}
	return corev1.PersistentVolumeClaimTypeArgs{
		Metadata: &metav1.ObjectMetaArgs{Name: pulumi.String(volume), Labels: l.object(componentDatabase)},
		Spec:     spec,
	}
}

// passwordAnnotation makes a new password a change of the pod template. Without a database there is none.
func passwordAnnotation(s ServiceSpec, digest pulumi.StringInput) pulumi.StringMap {
	if s.Database == nil {
		return nil
	}
	return pulumi.StringMap{"opex/database-password-digest": digest}
}

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
