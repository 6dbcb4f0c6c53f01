{{- define "whoami.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
{{- end -}}
{{- define "whoami.labels" -}}
{{ include "whoami.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name | trunc 63 }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}
