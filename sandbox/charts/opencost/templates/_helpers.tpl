{{- define "opencost.name" -}}
{{ ternary .Release.Name (printf "%s-opencost" .Release.Name) (contains "opencost" .Release.Name) | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "opencost.selector" -}}
app.kubernetes.io/name: opencost
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "opencost.labels" -}}
{{ include "opencost.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: opencost
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "opencost.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (ternary (include "opencost.name" .) "opencost" .Values.serviceAccount.create) }}
{{- end -}}

{{- define "opencost.prometheus" -}}
{{- with .Values.opencost.prometheus }}
{{- if eq .internal.enabled .external.enabled }}
{{- fail "opencost: exactly one of opencost.prometheus.internal.enabled and opencost.prometheus.external.enabled must be true" }}
{{- end }}
{{- if .external.enabled }}{{ tpl .external.url $ }}
{{- else }}{{ .internal.scheme }}://{{ .internal.serviceName }}.{{ .internal.namespaceName }}.svc.{{ $.Values.clusterName }}:{{ .internal.port }}{{ .internal.path }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "opencost.probe" -}}
httpGet: {path: {{ .probe.path }}, port: http}
initialDelaySeconds: {{ .probe.initialDelaySeconds }}
periodSeconds: {{ .probe.periodSeconds }}
failureThreshold: {{ .probe.failureThreshold }}
{{- end -}}
