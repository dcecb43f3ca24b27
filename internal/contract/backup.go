package contract

// BackupVault is where backups go, and who makes them.
type BackupVault struct {
	Namespace       string `json:"namespace"`       // of Velero and of all its objects
	Deployment      string `json:"deployment"`      // Velero's server
	NodeAgent       string `json:"nodeAgent"`       // DaemonSet that reads and writes volumes
	StorageLocation string `json:"storageLocation"` // BackupStorageLocation
	Bucket          string `json:"bucket"`
	Prefix          string `json:"prefix"` // folder of the bucket; empty: its root
	Region          string `json:"region"`
	// URL is the S3-compatible store as this machine reaches it; empty: AWS.
	URL string `json:"url,omitempty"`
	// CredentialsSecret holds static keys, in the key `cloud` in the format of AWS' credentials file; empty: Velero has
	// a role.
	CredentialsSecret string `json:"credentialsSecret,omitempty"`
	// CACertificate of the store in PEM; empty: the public authorities.
	CACertificate string      `json:"caCertificate,omitempty"`
	ObjectLock    *ObjectLock `json:"objectLock,omitempty"`
}

// ObjectLock keeps each object of the bucket from being changed or deleted.
type ObjectLock struct {
	Mode string `json:"mode"` // GOVERNANCE or COMPLIANCE
	Days int    `json:"days"` // after an object was written
}

// BackupPlan is how one service is backed up and what that is held against. Durations are Go's: 24h, 30m.
type BackupPlan struct {
	Schedule string `json:"schedule"` // Velero Schedule, in the vault's namespace
	Cron     string `json:"cron"`     // of it, in UTC
	TTL      string `json:"ttl"`      // how long a backup is kept
	RPO      string `json:"rpo"`      // recovery point objective: the age of the newest good backup at most
	// recovery time objective: from the decision to restore to the first correct answer
	RTO      string            `json:"rto"`
	DrillAge string            `json:"drillAge"` // age of the newest drill at most
	Selector map[string]string `json:"selector"` // of everything in the backup
	// ReadyPath of the service's Service answers 200 as soon as it can serve.
	ReadyPath string    `json:"readyPath"`
	Sentinel  *Sentinel `json:"sentinel,omitempty"`
	Dump      *Dump     `json:"dump,omitempty"` // absent for a service without a database
}

// Sentinel is how a drill puts a known record into the service, and finds it again in the restored one: it posts Body
// to Path, and requires the address that the answer names in its header Location to give the same record.
type Sentinel struct {
	Path string `json:"path"`
	Body string `json:"body"` // JSON
}

// Dump is what the backup's hooks leave in the database's dump volume, as paths in the database's container.
type Dump struct {
	// Pre and Post are the hooks that the Schedule has for the database's pod, and no others: what Velero runs there
	// before it copies the dump volume, and after. Absent in outputs of an older version.
	Pre  *Hook  `json:"pre,omitempty"`
	Post *Hook  `json:"post,omitempty"`
	File string `json:"file"` // pg_dump's custom format
	// JSON: when it was made, its size and checksum, rows and content checksum by table
	Manifest string `json:"manifest"`
	// Load is the command that loads the dump into a database that has just been created and compares it with the
	// manifest; Velero runs it after a restore. The database is not ready before it has run.
	Load []string `json:"load"`
}

// Hook is a command that Velero runs in the database's container. When it fails, so does the backup.
type Hook struct {
	Command []string `json:"command"`
	Timeout string   `json:"timeout"` // how long Velero waits for it: a duration of Go's
}
