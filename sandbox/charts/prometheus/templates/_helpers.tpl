{{- define "prometheus.name" -}}
{{ ternary .Release.Name (printf "%s-prometheus" .Release.Name) (contains "prometheus" .Release.Name) | trunc 56 | trimSuffix "-" }}-server
{{- end -}}

{{- define "prometheus.selector" -}}
app.kubernetes.io/component: server
app.kubernetes.io/name: prometheus
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "prometheus.labels" -}}
{{ include "prometheus.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion }}
app.kubernetes.io/part-of: prometheus
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "prometheus.serviceAccount" -}}
{{ .Values.serviceAccounts.server.name | default (ternary (include "prometheus.name" .) "default" .Values.serviceAccounts.server.create) }}
{{- end -}}

{{- define "prometheus.image" -}}
{{- with .Values.server.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end -}}
