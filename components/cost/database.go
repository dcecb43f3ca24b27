package cost

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/opex-project/opex/components/backup"
	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
)

// Database is a service's own PostgreSQL, of one pod.
type Database struct {
	Secret      *corev1.Secret
	StatefulSet *appsv1.StatefulSet
	Service     *corev1.Service
}

// newDatabase declares the database of a service. There is no PodDisruptionBudget: with one pod it would either do
// nothing or block every drain of the node for ever.
func newDatabase(ctx *pulumi.Context, name string, a appArgs, child pulumi.ResourceOption) (*Database, error) {
	meta := func(object string) *metav1.ObjectMetaArgs { return a.metadata(object, platform.ComponentDatabase) }
	identity := a.labels.Identity(platform.ComponentDatabase)
	database := &Database{}
	var err error
	database.Secret, err = corev1.NewSecret(ctx, name+"-secret", &corev1.SecretArgs{
		Metadata: meta(a.service.DatabaseName()), Type: pulumi.String("Opaque"),
		Data: pulumi.StringMap{
			passwordKey: pulumi.ToSecret(a.DatabasePassword).(pulumi.StringOutput).ApplyT(base64Of).(pulumi.StringOutput),
		},
	}, child)
	if err != nil {
		return nil, err
	}
	// Before the pods, so that none is ever open to the whole cluster.
	policy, err := networkingv1.NewNetworkPolicy(ctx, name+"-networkpolicy", &networkingv1.NetworkPolicyArgs{
		Metadata: meta(a.service.DatabaseName()), Spec: databaseTraffic(a.labels),
	}, child)
	if err != nil {
		return nil, err
	}
	hooks, err := corev1.NewConfigMap(
		ctx, name+"-hooks", &corev1.ConfigMapArgs{Metadata: meta(a.service.HooksName()), Data: backup.HookFiles()},
		child,
	)
	if err != nil {
		return nil, err
	}
	headless, err := corev1.NewService(ctx, name+"-headless", &corev1.ServiceArgs{
		Metadata: meta(headlessName(a.service)), Spec: governing(identity),
	}, child)
	if err != nil {
		return nil, err
	}
	database.StatefulSet, err = appsv1.NewStatefulSet(ctx, name+"-statefulset", &appsv1.StatefulSetArgs{
		Metadata: meta(a.service.DatabaseName()), Spec: databaseSet(a),
	}, child, pulumi.DependsOn([]pulumi.Resource{database.Secret, policy, hooks, headless}),
		// Kubernetes cannot change these: another value would replace the StatefulSet. newClaims sets what may change
		// of a claim.
		pulumi.IgnoreChanges([]string{"spec.volumeClaimTemplates", "spec.serviceName"}))
	if err != nil {
		return nil, err
	}
	if err := newClaims(ctx, name, a, child, pulumi.DependsOn([]pulumi.Resource{database.StatefulSet})); err != nil {
		return nil, err
	}
	// After its pod, for the same reason as the service's.
	database.Service, err = corev1.NewService(ctx, name+"-service", &corev1.ServiceArgs{
		Metadata: meta(a.service.DatabaseName()), Spec: addressOf(identity, postgresPortName, postgresPort),
	}, child, pulumi.DependsOn([]pulumi.Resource{database.StatefulSet}))
	return database, err
}

// headlessName is the Service that governs the StatefulSet. Clients use the other one, which has an address.
func headlessName(s spec.Service) string { return s.DatabaseName() + "-headless" }

func databaseSet(a appArgs) *appsv1.StatefulSetSpecArgs {
	d := a.service.Database
	return &appsv1.StatefulSetSpecArgs{
		ServiceName: pulumi.String(headlessName(a.service)),
		Replicas:    pulumi.Int(1),
		Selector:    platform.Selector(a.labels.Identity(platform.ComponentDatabase)),
		Template:    databasePod(a),
		VolumeClaimTemplates: corev1.PersistentVolumeClaimTypeArray{
			volumeClaim(backup.DataVolume, d.DataSize, a), volumeClaim(backup.DumpVolume, d.DumpSize, a),
		},
		// Neither a mistaken delete nor a replace of the StatefulSet may take the data along. They go with their
		// namespace, which production protects.
		PersistentVolumeClaimRetentionPolicy: &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicyArgs{
			WhenDeleted: pulumi.String("Retain"), WhenScaled: pulumi.String("Retain"),
		},
	}
}

// volumeClaim is a template of a claim. It holds identity labels only, since it can never change; newClaims brings the
// others.
func volumeClaim(volume string, size spec.Quantity, a appArgs) *corev1.PersistentVolumeClaimTypeArgs {
	claim := &corev1.PersistentVolumeClaimSpecArgs{
		AccessModes: pulumi.ToStringArray([]string{"ReadWriteOnce"}),
		Resources:   &corev1.VolumeResourceRequirementsArgs{Requests: pulumi.StringMap{"storage": pulumi.String(size)}},
	}
	if class := a.service.Database.StorageClass; class != "" {
		claim.StorageClassName = pulumi.String(class)
	}
	return &corev1.PersistentVolumeClaimTypeArgs{
		Metadata: &metav1.ObjectMetaArgs{
			Name: pulumi.String(volume), Labels: pulumi.ToStringMap(a.labels.Identity(platform.ComponentDatabase)),
		},
		Spec: claim,
	}
}

// newClaims sets what may change of the claims that the StatefulSet made: who pays, and a size that grows. It patches
// them: the claims and their data stay when the patch goes.
func newClaims(ctx *pulumi.Context, name string, a appArgs, opts ...pulumi.ResourceOption) error {
	for volume, size := range map[string]spec.Quantity{
		backup.DataVolume: a.service.Database.DataSize, backup.DumpVolume: a.service.Database.DumpSize,
	} {
		_, err := corev1.NewPersistentVolumeClaimPatch(
			ctx,
			name+"-"+volume+"-claim",
			&corev1.PersistentVolumeClaimPatchArgs{
				Metadata: &metav1.ObjectMetaPatchArgs{
					Name:      pulumi.String(spec.ClaimName(a.service, volume)),
					Namespace: a.Namespace.ToStringOutput().ToStringPtrOutput(),
					Labels:    pulumi.ToStringMap(a.labels.Object(platform.ComponentDatabase)),
					Annotations: pulumi.StringMap{
						// The StatefulSet's controller made the claim, and owns its fields until then.
						"pulumi.com/patchForce": pulumi.String("true"),
						// Of a class that binds at first use, the provider waits until the claim is Pending: this one is Bound.
						"pulumi.com/skipAwait": pulumi.String("true"),
					},
				},
				Spec: &corev1.PersistentVolumeClaimSpecPatchArgs{
					Resources: &corev1.VolumeResourceRequirementsPatchArgs{
						Requests: pulumi.StringMap{"storage": pulumi.String(size)},
					},
				},
			},
			opts...)
		if err != nil {
			return err
		}
	}
	return nil
}

// digestRounds makes one guess cost about a quarter of a second (OWASP's figure for PBKDF2 with SHA-256).
const digestRounds = 600_000

// digestOf changes with a password and gives it away to nobody: the hash is slow, salted with where the password is
// used, and cut to 64 bits. A password has 16 characters at least, so guessing is hopeless.
func digestOf(password, namespace pulumi.StringInput, service string) pulumi.StringOutput {
	digest := pulumi.All(password, namespace).ApplyT(func(all []any) (string, error) {
		key, err := pbkdf2.Key(sha256.New, all[0].(string), []byte("opex/"+all[1].(string)+"/"+service), digestRounds, 8)
		return hex.EncodeToString(key), err
	}).(pulumi.StringOutput)
	return pulumi.Unsecret(digest).(pulumi.StringOutput)
}

// passwordAnnotation starts new pods for a new password. Without a database there is none.
func passwordAnnotation(a appArgs) pulumi.StringMap {
	if a.service.Database == nil {
		return nil
	}
	return pulumi.StringMap{"opex/database-password-digest": a.passwordDigest}
}

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
