{{/* One container. Takes root, controllerId, id and container. */}}
{{- define "generic.container" -}}
{{- $c := .container -}}
name: {{ eq .id "main" | ternary .root.Release.Name .id }}
image: {{ printf "%s:%s" $c.image.repository $c.image.tag }}
imagePullPolicy: {{ $c.image.pullPolicy | default "IfNotPresent" }}
{{- with $c.command }}
command:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $c.args }}
args:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $c.env }}
env:
  {{- range $name, $value := . }}
  - name: {{ $name }}
    {{- if kindIs "map" $value }}
    valueFrom:
      {{- toYaml $value | nindent 6 }}
    {{- else }}
    value: {{ $value | quote }}
    {{- end }}
  {{- end }}
{{- end }}
{{- with $c.envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $c.ports }}
ports:
  {{- range $name, $port := . }}
  - name: {{ $name }}
    containerPort: {{ $port.containerPort }}
    protocol: {{ $port.protocol | default "TCP" }}
  {{- end }}
{{- end }}
{{- range $kind, $probe := $c.probes }}
{{ $kind }}Probe:
  {{- toYaml $probe | nindent 2 }}
{{- end }}
resources:
  {{- toYaml $c.resources | nindent 2 }}
securityContext:
  {{- mergeOverwrite (deepCopy .root.Values.defaultSecurityContext) ($c.securityContext | default dict) | toYaml | nindent 2 }}
{{- with include "generic.mounts" . }}
volumeMounts:
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The mounts of one container: those that name its controller and itself, or neither. */}}
{{- define "generic.mounts" -}}
{{- $mounts := list -}}
{{- range $volume, $item := .root.Values.persistence -}}
{{- range $item.mounts -}}
{{- if and (eq (.controller | default $.controllerId) $.controllerId) (eq (.container | default $.id) $.id) -}}
{{- $mounts = append $mounts (merge (dict "name" $volume "mountPath" .path) (pick . "subPath" "readOnly")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $mounts }}{{ toYaml $mounts }}{{ end -}}
{{- end -}}
