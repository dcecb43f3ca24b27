package components

import (
	"maps"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
func databasePod(s ServiceSpec, l labels, passwordDigest string) corev1.PodTemplateSpec {
	hooks, hooksMounted := hookMount(s)
	annotations := passwordAnnotation(s, passwordDigest)
	maps.Copy(annotations, backupAnnotations(s))
	answers := exec("pg_isready", "--quiet", "--host=127.0.0.1", "--username="+s.databaseUser(), "--dbname="+s.databaseUser())
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: l.object(componentDatabase), Annotations: annotations},
		Spec: corev1.PodSpec{
			ServiceAccountName:            s.Name,
			AutomountServiceAccountToken:  new(false),
			EnableServiceLinks:            new(false),
			TerminationGracePeriodSeconds: new(int64(databaseGraceSeconds)),
			SecurityContext:               podSecurity(databaseUserID),
			Containers: []corev1.Container{{
				Name:  databaseContainer,
				Image: s.Database.Image,
				Env: []corev1.EnvVar{
					{Name: "POSTGRES_USER", Value: s.databaseUser()},
					{Name: "POSTGRES_DB", Value: s.databaseUser()},
					{Name: "POSTGRES_PASSWORD_FILE", Value: passwordPath + "/" + passwordKey},
					{Name: "PGDATA", Value: dataPath + "/pgdata"}, // a folder below: a new volume's root may hold lost+found
					// What the hooks need beside these.
					{Name: "DUMP_PATH", Value: dumpPath},
					{Name: "POD_IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "status.podIP"}}},
				},
				Ports:           []corev1.ContainerPort{{Name: postgresPortName, ContainerPort: postgresPort, Protocol: corev1.ProtocolTCP}},
				Resources:       resources(s.Database.Resources),
				SecurityContext: containerSecurity(),
				// Up to five minutes: a start after a crash replays the log first.
				StartupProbe:   probe(answers, 2, 2, 150),
				ReadinessProbe: probe(exec(hookPath+"/ready.sh"), 5, 5, 2),
				// Slow to judge: a restart in the middle of a heavy query makes things worse.
				LivenessProbe: probe(answers, 20, 5, 6),
				Lifecycle: &corev1.Lifecycle{PostStart: &corev1.LifecycleHandler{
					Exec: &corev1.ExecAction{Command: []string{"/bin/sh", "-c", setPassword}},
				}},
				VolumeMounts: []corev1.VolumeMount{
					{Name: dataVolume, MountPath: dataPath},
					{Name: dumpVolume, MountPath: dumpPath},
					hooksMounted,
					{Name: "secret", MountPath: passwordPath, ReadOnly: true},
					{Name: "run", MountPath: "/var/run/postgresql"}, // the socket
					{Name: "tmp", MountPath: "/tmp"},
				},
			}},
			Volumes: []corev1.Volume{
				{Name: "secret", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
					SecretName:  s.databaseName(),
					DefaultMode: new(int32(0o440)), // the pod's group reads it
				}}},
				hooks,
				emptyDir("run"),
				emptyDir("tmp"),
			},
		},
	}
}

func volumeClaim(volume string, size Quantity, s ServiceSpec, l labels) pulumi.Map {
	spec := pulumi.Map{
		"accessModes": pulumi.ToStringArray([]string{"ReadWriteOnce"}),
		"resources":   pulumi.Map{"requests": pulumi.StringMap{"storage": pulumi.String(size)}},
	}
	if s.Database.StorageClass != "" {
		spec["storageClassName"] = pulumi.String(s.Database.StorageClass)
	}
	return pulumi.Map{
		"metadata": pulumi.Map{"name": pulumi.String(volume), "labels": pulumi.ToStringMap(l.object(componentDatabase))},
		"spec":     spec,
	}
}

// passwordAnnotation makes a new password a change of the pod template. Without a database there is none.
func passwordAnnotation(s ServiceSpec, digest string) map[string]string {
	if s.Database == nil {
		return nil
	}
	return map[string]string{"opex/database-password-digest": digest}
}
