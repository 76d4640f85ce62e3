{{- define "sigv4-proxy.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sigv4-proxy.selector" -}}
app.kubernetes.io/name: sigv4-proxy
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sigv4-proxy.labels" -}}
{{ include "sigv4-proxy.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "sigv4-proxy.serviceAccount" -}}
{{- default (ternary (include "sigv4-proxy.name" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "sigv4-proxy.secret" -}}
{{- default (printf "%s-tokens" (include "sigv4-proxy.name" .)) .Values.shared.existingSecret -}}
{{- end -}}

{{- define "sigv4-proxy.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{- /* spool_max: nine tenths of the volume, so that the kubelet never has to evict the pod. */ -}}
{{- define "sigv4-proxy.spoolMax" -}}
{{- if hasSuffix "Gi" . -}}
{{- printf "%dm" (div (mul (trimSuffix "Gi" . | int64) 9216) 10) -}}
{{- else -}}
{{- printf "%dm" (max 1 (div (mul (trimSuffix "Mi" . | int64) 9) 10)) -}}
{{- end -}}
{{- end -}}

{{- define "sigv4-proxy.podSecurity" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "sigv4-proxy.security" -}}
runAsUser: 10001
runAsGroup: 10001
runAsNonRoot: true
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "sigv4-proxy.liveness" -}}
livenessProbe:
  httpGet:
    path: /healthz
    port: probe
  periodSeconds: 10
  failureThreshold: 3
{{- end -}}

{{- /* The sidecar, for an init container's list; also for other charts that depend on this one. */ -}}
{{- define "sigv4-proxy.sidecar" -}}
- name: sigv4-proxy
  image: {{ include "sigv4-proxy.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  restartPolicy: Always
  env:
    - name: SIGV4_PROXY_PROBE
      value: "0.0.0.0:8082"
    - name: SIGV4_PROXY_WORKERS
      value: "1"
    - name: SIGV4_PROXY_SPOOL_MAX
      value: {{ include "sigv4-proxy.spoolMax" .Values.sidecar.spool }}
    - name: SIGV4_PROXY_DRAIN_TIMEOUT
      value: 20s
    {{- with .Values.env }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    - name: probe
      containerPort: 8082
  startupProbe:
    httpGet:
      path: /readyz
      port: probe
    periodSeconds: 1
    failureThreshold: 60
  readinessProbe:
    httpGet:
      path: /readyz
      port: probe
    periodSeconds: 5
  {{- include "sigv4-proxy.liveness" . | nindent 2 }}
  resources:
    {{- toYaml .Values.sidecar.resources | nindent 4 }}
  securityContext:
    {{- include "sigv4-proxy.security" . | nindent 4 }}
  volumeMounts:
    - name: sigv4-proxy-spool
      mountPath: /var/tmp
{{- end -}}

{{- define "sigv4-proxy.sidecarVolume" -}}
- name: sigv4-proxy-spool
  emptyDir:
    sizeLimit: {{ .Values.sidecar.spool }}
{{- end -}}

{{- /* What an application's container needs to come through its sidecar. */ -}}
{{- define "sigv4-proxy.clientEnv" -}}
- name: http_proxy
  value: http://127.0.0.1:8080
- name: HTTP_PROXY
  value: http://127.0.0.1:8080
- name: NO_PROXY
  value: 127.0.0.1,localhost,169.254.169.254,169.254.170.2,169.254.170.23,.svc,.cluster.local
{{- end -}}
