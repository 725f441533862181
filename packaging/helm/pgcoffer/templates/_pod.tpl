{{/* The environment of a container that knows these databases: (dict "root" $ "databases" …). */}}
{{- define "pgcoffer.env" -}}
{{- $root := .root -}}
{{- with $root.Values -}}
- name: PGCOFFER_BUCKET
  value: {{ .bucket | quote }}
{{- with .repository }}
- name: PGCOFFER_REPOSITORY
  value: {{ . | quote }}
{{- end }}
{{- with .region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .endpoint }}
- name: AWS_ENDPOINT_URL_S3
  value: {{ . | quote }}
{{- end }}
{{- if .pathStyle }}
- name: PGCOFFER_S3_PATH_STYLE
  value: "true"
{{- end }}
- name: PGCOFFER_SCHEDULE
  value: {{ .schedule | quote }}
- name: PGCOFFER_TIMEZONE
  value: {{ .timezone | quote }}
- name: PGCOFFER_KEY
  valueFrom:
    secretKeyRef: {name: {{ .keySecret.name | quote }}, key: {{ .keySecret.key | quote }}}
{{- if .awsSecret.name }}
{{- $secret := .awsSecret.name }}
{{- range list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" }}
- name: {{ . }}
  valueFrom:
    secretKeyRef: {name: {{ $secret | quote }}, key: {{ . }}}
{{- end }}
{{- end }}
{{- end }}
{{- range $label, $database := .databases }}
- name: PGCOFFER_DB_{{ upper $label }}_URL
  valueFrom:
    secretKeyRef: {name: {{ $database.urlSecret.name | quote }}, key: {{ $database.urlSecret.key | quote }}}
{{- with $database.keySecret }}
- name: PGCOFFER_DB_{{ upper $label }}_KEY
  valueFrom:
    secretKeyRef: {name: {{ .name | quote }}, key: {{ .key | quote }}}
{{- end }}
{{- with $database.schedule }}
- name: PGCOFFER_DB_{{ upper $label }}_SCHEDULE
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- if eq $root.Values.mode "serve" }}
{{- with $root.Values.serve }}
{{- if .metricsToken.name }}
- name: PGCOFFER_METRICS_TOKEN
  valueFrom:
    secretKeyRef: {name: {{ .metricsToken.name | quote }}, key: {{ .metricsToken.key | quote }}}
{{- else if .metricsOpen }}
- name: PGCOFFER_METRICS_OPEN
  value: "true"
{{- end }}
{{- with .dashboard }}
{{- if .url }}
- name: PGCOFFER_DASHBOARD_URL
  value: {{ .url | quote }}
{{- with .proxies }}
- name: PGCOFFER_DASHBOARD_PROXIES
  value: {{ . | quote }}
{{- end }}
{{- if .passwords.name }}
{{- if .passwords.operatorKey }}
- name: PGCOFFER_DASHBOARD_OPERATOR_HASH
  valueFrom:
    secretKeyRef: {name: {{ .passwords.name | quote }}, key: {{ .passwords.operatorKey | quote }}}
{{- end }}
{{- if .passwords.viewerKey }}
- name: PGCOFFER_DASHBOARD_VIEWER_HASH
  valueFrom:
    secretKeyRef: {name: {{ .passwords.name | quote }}, key: {{ .passwords.viewerKey | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $value := $root.Values.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- with $root.Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What every container may do, which is little, and where it may write: /tmp. */}}
{{- define "pgcoffer.container" -}}
image: {{ include "pgcoffer.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
resources:
  {{- toYaml .root.Values.resources | nindent 2 }}
env:
  {{- include "pgcoffer.env" . | nindent 2 }}
{{- with .root.Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
{{- end -}}

{{- define "pgcoffer.podMetadata" -}}
labels:
  {{- include "pgcoffer.selector" . | nindent 2 }}
  {{- with .Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "pgcoffer.pod" -}}
serviceAccountName: {{ include "pgcoffer.serviceAccountName" . }}
# Nothing here talks to the cluster. Web identity brings a token of its own.
automountServiceAccountToken: false
# A run that is asked to end aborts its upload and writes down that it was ended.
terminationGracePeriodSeconds: 60
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
volumes:
  - name: tmp
    emptyDir: {}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
