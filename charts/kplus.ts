// The one file that only forwards: it says which Kubernetes line of cdk8s-plus is in use, so that another line is
// another package name here and nowhere else.
export * from 'cdk8s-plus-28';
