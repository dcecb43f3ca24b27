package backup

import (
	"encoding/base64"
	"time"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
)

// The types below are the keys of the chart's values that are set here.

type veleroValues struct {
	Image                    platform.ImageValues             `json:"image"`
	InitContainers           []initContainer                  `json:"initContainers"`
	PodLabels                map[string]string                `json:"podLabels"`
	Resources                platform.ResourceValues          `json:"resources"`
	UpgradeJobResources      platform.ResourceValues          `json:"upgradeJobResources"`
	PodSecurityContext       platform.PodSecurityValues       `json:"podSecurityContext"`
	ContainerSecurityContext platform.ContainerSecurityValues `json:"containerSecurityContext"`
	Credentials              veleroCredentials                `json:"credentials"`
	ServiceAccount           veleroServiceAccounts            `json:"serviceAccount"`
	Configuration            veleroConfiguration              `json:"configuration"`
	SnapshotsEnabled         bool                             `json:"snapshotsEnabled"`
	DeployNodeAgent          bool                             `json:"deployNodeAgent"`
	NodeAgent                nodeAgentValues                  `json:"nodeAgent"`
	TerminationGracePeriod   int                              `json:"terminationGracePeriodSeconds"`
}

type initContainer struct {
	Name            string                           `json:"name"`
	Image           string                           `json:"image"`
	VolumeMounts    []platform.VolumeMount           `json:"volumeMounts"`
	Resources       platform.ResourceValues          `json:"resources"`
	SecurityContext platform.ContainerSecurityValues `json:"securityContext"`
}

type veleroCredentials struct {
	UseSecret      bool   `json:"useSecret"`
	ExistingSecret string `json:"existingSecret,omitempty"`
}

type veleroServiceAccounts struct {
	Server veleroServiceAccountValues `json:"server"`
}

type veleroServiceAccountValues struct {
	Create      bool              `json:"create"`
	Name        string            `json:"name"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type veleroConfiguration struct {
	UploaderType             string            `json:"uploaderType"`
	DefaultVolumesToFsBackup bool              `json:"defaultVolumesToFsBackup"`
	FsBackupTimeout          string            `json:"fsBackupTimeout"`
	BackupStorageLocation    []storageLocation `json:"backupStorageLocation"`
	ExtraEnvVars             []envValue        `json:"extraEnvVars"`
}

type storageLocation struct {
	Name                string            `json:"name"`
	Provider            string            `json:"provider"`
	Bucket              string            `json:"bucket"`
	Prefix              string            `json:"prefix"`
	Default             bool              `json:"default"`
	AccessMode          string            `json:"accessMode"`
	ValidationFrequency string            `json:"validationFrequency"`
	CACert              string            `json:"caCert,omitempty"` // base64
	Config              map[string]string `json:"config"`
}

type envValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type nodeAgentValues struct {
	PodLabels                map[string]string                `json:"podLabels"`
	Resources                platform.ResourceValues          `json:"resources"`
	ContainerSecurityContext platform.ContainerSecurityValues `json:"containerSecurityContext"`
}

// newVeleroValues returns the values; role is the ARN of Velero's role on AWS. For a store it has static keys.
func newVeleroValues(v BackupVaultArgs, role string) veleroValues {
	vault := v.Vault
	location := storageLocation{
		Name: storageLocationName, Provider: "aws", Bucket: vault.Bucket, Prefix: veleroPrefix, Default: true, AccessMode: "ReadWrite",
		ValidationFrequency: "1m", // and so how soon a bucket that cannot be reached is known
		Config:              map[string]string{"region": vault.Region},
	}
	account := veleroServiceAccountValues{Create: true, Name: veleroServiceAccount}
	credentials := veleroCredentials{}
	if vault.Store == nil {
		if vault.PodIdentity == "" {
			account.Annotations = map[string]string{"eks.amazonaws.com/role-arn": role}
		}
	} else {
		credentials = veleroCredentials{UseSecret: true, ExistingSecret: credentialsSecret}
		location.Config["s3Url"] = vault.Store.URL
		location.Config["s3ForcePathStyle"] = "true"
		if v.CACertificate != "" {
			location.CACert = base64Of(v.CACertificate)
		}
	}
	return veleroValues{
		Image: platform.ImageOf(v.Images, spec.ImageVelero),
		InitContainers: []initContainer{{
			Name: "velero-plugin-for-aws", Image: v.Images.Of(spec.ImageVeleroPlugin),
			VolumeMounts:    []platform.VolumeMount{{Name: "plugins", MountPath: "/target"}},
			Resources:       platform.NewResourceValues("10m", "32Mi", "500m", "128Mi"),
			SecurityContext: platform.RestrictedContainer,
		}},
		PodLabels:                v.Labels(veleroName),
		Resources:                platform.NewResourceValues("50m", "128Mi", "1", "512Mi"),
		UpgradeJobResources:      platform.NewResourceValues("10m", "64Mi", "500m", "256Mi"),
		PodSecurityContext:       platform.PodSecurityOf(platform.Nobody),
		ContainerSecurityContext: platform.RestrictedContainer,
		Credentials:              credentials,
		ServiceAccount:           veleroServiceAccounts{account},
		Configuration: veleroConfiguration{
			UploaderType: "kopia", FsBackupTimeout: v.volumesTimeout().String(), BackupStorageLocation: []storageLocation{location},
			// It keeps files of its own below HOME; the root file system cannot be written to.
			ExtraEnvVars: []envValue{{"HOME", "/scratch"}},
		},
		DeployNodeAgent: true,
		NodeAgent: nodeAgentValues{
			PodLabels: v.Labels(nodeAgentName),
			Resources: platform.NewResourceValues("50m", "128Mi", "1", "1Gi"),
			// Root, as whoever reads the volumes of all pods must be; but with no more of root's rights than files
			// need.
			ContainerSecurityContext: platform.ContainerSecurityValues{Capabilities: map[string][]string{
				"drop": {
					"ALL",
				}, "add": {"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "MKNOD", "SETFCAP"},
			}},
		},
		// A backup that takes longer is lost at a rollout of Velero anyway: it is marked failed at the next start.
		TerminationGracePeriod: 60,
	}
}

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// volumesTimeout is how long Velero waits for the volumes of one backup or restore. It restores one thing at a time:
// whatever waits for a pod that fits on no node keeps all others from being restored, for four hours if Velero has its
// way.
func (v BackupVaultArgs) volumesTimeout() time.Duration {
	longest := time.Hour
	for _, w := range v.Watches {
		longest = max(longest, 2*w.RTO)
	}
	return longest
}
