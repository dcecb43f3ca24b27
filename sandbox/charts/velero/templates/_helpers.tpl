{{- define "velero.name" -}}
{{ ternary .Release.Name (printf "%s-velero" .Release.Name) (contains "velero" .Release.Name) | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "velero.selector" -}}
app.kubernetes.io/name: velero
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "velero.labels" -}}
{{ include "velero.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "velero.serviceAccount" -}}
{{- with .Values.serviceAccount.server }}
{{- .name | default (ternary (printf "%s-server" (include "velero.name" $)) "default" .create) }}
{{- end }}
{{- end -}}

{{- define "velero.image" -}}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end }}
{{- end }}
{{- end -}}

{{- define "velero.secret" -}}
{{ .Values.credentials.existingSecret | default (include "velero.name" .) }}
{{- end -}}

{{- define "velero.podAnnotations" -}}
{{- $annotations := deepCopy .Values.podAnnotations }}
{{- if .Values.metrics.enabled }}{{ $_ := merge $annotations .Values.metrics.podAnnotations }}{{ end }}
{{- with .Values.credentials }}
{{- if and .useSecret (not .existingSecret) }}
{{- /* New keys start new pods. */}}
{{- $_ := set $annotations "checksum/secret" (tpl (toJson .secretContents) $ | sha256sum) }}
{{- end }}
{{- end }}
{{- with $annotations }}{{ toYaml . }}{{ end }}
{{- end -}}

{{- /* Flags have the names of their keys, and are left out where the default of the server is wanted. */}}
{{- define "velero.flags" -}}
{{- range $key := .keys }}
{{- with get $.configuration $key }}
- --{{ kebabcase $key }}={{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "velero.env" -}}
- {name: VELERO_SCRATCH_DIR, value: /scratch}
- {name: VELERO_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
{{- if .Values.credentials.useSecret }}
{{- range list "AWS_SHARED_CREDENTIALS_FILE" "GOOGLE_APPLICATION_CREDENTIALS" "AZURE_CREDENTIALS_FILE" "ALIBABA_CLOUD_CREDENTIALS_FILE" }}
- {name: {{ . }}, value: /credentials/cloud}
{{- end }}
{{- end }}
{{- with .Values.configuration.extraEnvVars }}{{ toYaml . | nindent 0 }}{{ end }}
{{- end -}}

{{- /* What the two kinds of locations have in common. */}}
{{- define "velero.location" -}}
metadata:
  name: {{ .location.name | default "default" }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "velero.labels" .root | nindent 4 }}
  {{- with .location.annotations }}
  annotations:
    {{- range $key, $value := . }}
    {{ $key }}: {{ $value | quote }}
    {{- end }}
  {{- end }}
spec:
  provider: {{ .location.provider }}
  {{- with .location.credential }}
  {{- if or .name .key }}
  credential: {name: {{ .name | quote }}, key: {{ .key | quote }}}
  {{- end }}
  {{- end }}
  {{- with .location.config }}
  config:
    {{- range $key, $value := . }}
    {{ $key }}: {{ $value | quote }}
    {{- end }}
  {{- end }}
{{- end -}}
