/**
 * The fields by which one rendered object refers to another, or to a part of itself: the ends of their paths, below kind and
 * name of the object.
 */
export const references: readonly RegExp[] = [
  /serviceAccountName$/,
  /RoleBinding \S+ (roleRef\.(kind|name)|subjects\.\d+\.(kind|name|namespace))$/,
  /(configMapRef|secretKeyRef|configMapKeyRef)\.(name|key)$/,
  /(secretName|claimName|serviceName|templateName|activeService|previewService|targetPort|fieldPath)$/,
  /items\.\d+\.key$/,
  /volumeMounts\.\d+\.name$/,
  /(volumes|volumeClaimTemplates)\.\d+\.(metadata\.)?name$/,
  /backend\.service\.(name|port\.name)$/,
  /scaleTargetRef\.\w+$/,
  /(matchLabels|spec\.selector)\.[^{}]+$/,
  /template\.metadata\.labels\.(app\.kubernetes\.io\/name|app\.kubernetes\.io\/instance|cdk8s\.io\/metadata\.addr)$/,
  /(ingress|egress)\.\d+\.ports\.\d+\.(port|protocol)$/,
  /Analysis\.args\.\d+\.(name|value)$/,
  /AnalysisTemplate \S+ spec\.args\.\d+\.name$/,
  /provider\.web\.url$/,
  /headers\.\d+\.(key|value)$/,
  /CHECK_URL\.value$/,
  /AnalysisTemplate \S+-load .*\.args\.(2|4)$/,
  /Probe\.(httpGet|tcpSocket)\.port$/,
  /containers\.\d+\.ports\.\d+\.(name|containerPort)$/,
  /(Service|ServiceAccount|ConfigMap|AnalysisTemplate|PersistentVolumeClaim|Role|Rollout|StatefulSet) \S+ metadata\.name$/,
  /Service \S+ spec\.ports\.\d+\.(name|port)$/,
  /endpoints\.\d+\.port$/,
  /tls\.\d+\.hosts\.\d+$/,
];

/** The fields by which objects of Argo CD refer to each other and to a release, and by which a release is synced in its order. */
export const gitopsReferences: readonly RegExp[] = [
  /metadata\.annotations\.argocd\.argoproj\.io\/sync-wave$/,
  /AppProject \S+ (metadata\.name|metadata\.namespace|spec\.(sourceRepos|destinations|\w+Whitelist)\..*)$/,
  /Application \S+ (metadata\.name|metadata\.namespace|spec\.(project|source|destination|ignoreDifferences)\b.*)$/,
  /Application \S+ spec\.syncPolicy\.(automated|syncOptions)\..*$/,
  /Role \S+-promoter (metadata\.namespace|rules\..*)$/,
  /RoleBinding \S+-promoter (metadata\.namespace|roleRef\.\w+|subjects\.\d+\.\w+)$/,
];
