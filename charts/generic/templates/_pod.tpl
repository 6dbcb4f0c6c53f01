{{/* metadata and spec of a pod template. Takes root, id and controller. */}}
{{- define "generic.pod" -}}
{{- $pod := .controller.pod | default dict -}}
metadata:
  labels:
    {{- include "generic.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .id }}
    {{- with $pod.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $annotations := $pod.annotations | default dict }}
  {{- with .root.Values.configMaps }}
  {{- $annotations = merge (dict "checksum/config" (toJson . | sha256sum | trunc 16)) $annotations }}
  {{- end }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if .root.Values.serviceAccount.create }}
  serviceAccountName: {{ .root.Release.Name }}
  {{- end }}
  automountServiceAccountToken: {{ .root.Values.serviceAccount.create }}
  enableServiceLinks: false
  {{- if has .controller.type (list "cronjob" "job") }}
  restartPolicy: {{ $pod.restartPolicy | default "OnFailure" }}
  {{- end }}
  securityContext:
    {{- mergeOverwrite (deepCopy .root.Values.defaultPodSecurityContext) ($pod.securityContext | default dict) | toYaml | nindent 4 }}
  {{- with omit $pod "labels" "annotations" "restartPolicy" "securityContext" }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .controller.initContainers }}
  initContainers:
    {{- include "generic.containers" (dict "root" $.root "controllerId" $.id "containers" .) | nindent 4 }}
  {{- end }}
  containers:
    {{- include "generic.containers" (dict "root" .root "controllerId" .id "containers" .controller.containers) | nindent 4 }}
  {{- with include "generic.volumes" . }}
  volumes:
    {{- . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* A list of containers; "main" stands first, the others follow by name. */}}
{{- define "generic.containers" -}}
{{- $ids := without (keys .containers | sortAlpha) "main" -}}
{{- if hasKey .containers "main" }}{{ $ids = prepend $ids "main" }}{{ end -}}
{{- range $id := $ids }}
- {{ include "generic.container" (dict "root" $.root "controllerId" $.controllerId "id" $id "container" (get $.containers $id)) | nindent 2 | trim }}
{{- end }}
{{- end -}}

{{/* The volumes that at least one container of this controller mounts. */}}
{{- define "generic.volumes" -}}
{{- range $volume, $item := .root.Values.persistence }}
{{- $used := false -}}
{{- range $item.mounts }}{{ if eq (.controller | default $.id) $.id }}{{ $used = true }}{{ end }}{{ end -}}
{{- if and $used (ne $item.type "claimTemplate") }}
- name: {{ $volume }}
  {{- include "generic.volumeSource" (dict "root" $.root "id" $volume "item" $item) | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What is behind a volume, by its type. */}}
{{- define "generic.volumeSource" -}}
{{- $own := include "generic.name" (dict "root" .root "id" (.item.id | default .id)) -}}
{{- if eq .item.type "claim" -}}
persistentVolumeClaim: {claimName: {{ $own }}}
{{- else if eq .item.type "existingClaim" -}}
persistentVolumeClaim: {claimName: {{ .item.name }}}
{{- else if eq .item.type "configMap" -}}
configMap: {name: {{ .item.name | default $own }}}
{{- else if eq .item.type "secret" -}}
secret: {secretName: {{ .item.name }}}
{{- else -}}
{{ .item.type }}:{{ .item.source | default dict | toYaml | nindent 2 }}
{{- end -}}
{{- end -}}

{{/* spec of a claim. */}}
{{- define "generic.claim" -}}
accessModes: [{{ .accessMode | default "ReadWriteOnce" }}]
{{- with .storageClass }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ .size }}
{{- end -}}
