{{/* The name of the item `id`: the release's own for "main". Takes root and id. */}}
{{- define "generic.name" -}}
{{- if eq .id "main" -}}
{{- .root.Release.Name -}}
{{- else -}}
{{- printf "%s-%s" .root.Release.Name .id | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What a Service or a disruption budget selects pods by. Takes root and id of the controller. */}}
{{- define "generic.selector" -}}
app.kubernetes.io/name: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .id }}
{{- end -}}

{{/* Labels of every object of the release. Takes the root. */}}
{{- define "generic.labels" -}}
app.kubernetes.io/name: {{ .Release.Name }}
app.kubernetes.io/part-of: {{ .Release.Name }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* metadata of an object. Takes root, id, and the item for its labels and annotations. */}}
{{- define "generic.metadata" -}}
name: {{ include "generic.name" . }}
labels:
  {{- include "generic.labels" .root | nindent 2 }}
  {{- with .item.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .item.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Where a route or an ingress sends requests: the Service and its port. Takes root and item. */}}
{{- define "generic.backend" -}}
{{- $id := .item.service | default "main" -}}
{{- $service := get .root.Values.service $id | required (printf "no service %q" $id) -}}
{{- $portId := .item.port | default (keys $service.ports | sortAlpha | first) -}}
{{- $port := get $service.ports $portId | required (printf "service %q has no port %q" $id $portId) -}}
{{- dict "name" (include "generic.name" (dict "root" .root "id" $id)) "port" $port.port | toJson -}}
{{- end -}}
