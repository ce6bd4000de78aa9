{{- define "madbase.name" -}}
{{- if eq .Release.Name "madbase" -}}madbase-operator{{- else -}}{{ printf "%s-madbase-operator" .Release.Name | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "madbase.labels" -}}
app.kubernetes.io/name: madbase-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: madbase
app.kubernetes.io/component: operator
{{- end -}}

{{- define "madbase.selector" -}}
app.kubernetes.io/name: madbase-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* madbase.image (list $ "postgres" "postgres"): full name of an image: key in .Values.images, name in the registry. */ -}}
{{- define "madbase.image" -}}
{{- $root := index . 0 -}}{{- $key := index . 1 -}}{{- $name := index . 2 -}}
{{- with index $root.Values.images $key -}}{{ . }}{{- else -}}
{{ $root.Values.image.registry }}/{{ $name }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- /* What the operator may do in a namespace whose platform it runs. Each rule stands for calls that the code makes. */ -}}
{{- define "madbase.rules" -}}
- apiGroups: [madbase.io]
  resources: [madclusters, statepillars]
  verbs: [get, list, watch, patch]
- apiGroups: [madbase.io]
  resources: [madclusters/status, statepillars/status]
  verbs: [patch]
# The StatePillar of a MadCluster.
- apiGroups: [madbase.io]
  resources: [statepillars]
  verbs: [create, delete]
# Owner references that hold up the owner's deletion.
- apiGroups: [madbase.io]
  resources: [madclusters/finalizers, statepillars/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [configmaps, serviceaccounts, services]
  verbs: [get, list, watch, create, patch, delete]
# Members are replaced one by one; volumes go only under deletionPolicy Delete.
- apiGroups: [""]
  resources: [pods, persistentvolumeclaims]
  verbs: [get, list, watch, delete]
# By name only: never listed, never watched.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [rolebindings]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [clusterroles]
  resourceNames: [{{ include "madbase.name" . }}-patroni]
  verbs: [bind]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
