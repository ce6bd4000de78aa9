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

{{- /* madbase.patroniRole $: kind of the role that Patroni's account is bound to: for named namespaces a Role in each. */ -}}
{{- define "madbase.patroniRole" -}}
{{- if .Values.namespaces -}}Role{{- else -}}ClusterRole{{- end -}}
{{- end -}}

{{- /* What the operator may do in a namespace whose platform it runs. Each right stands for calls that the code makes:
e2e/chart/test_rights.py compares them, both ways. */ -}}
{{- define "madbase.rules" -}}
- apiGroups: [madbase.io]
  resources: [madclusters]
  verbs: [list, watch]
# The StatePillar of a MadCluster is made, changed and deleted.
- apiGroups: [madbase.io]
  resources: [statepillars]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [madbase.io]
  resources: [madclusters/status, statepillars/status]
  verbs: [patch]
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
# Members are replaced one by one; a note on a pod brings it a changed configuration at once.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch, delete]
# Volumes go only under deletionPolicy Delete, and are read right before.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
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
# Patroni's account is bound to this role and no other.
- apiGroups: [rbac.authorization.k8s.io]
  resources: [{{ include "madbase.patroniRole" . | lower }}s]
  resourceNames: [{{ include "madbase.name" . }}-patroni]
  verbs: [bind]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- /* What Patroni does in the namespace of its pillar: the lock and the history in ConfigMaps, notes on its pods. */ -}}
{{- define "madbase.patroniRules" -}}
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, update]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch]
{{- end -}}
