# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # the pieces share variables
# Certificates and kubeconfigs of one cluster, made anew at every start, in $state/certs.

ca_make() { # NAME COMMON_NAME
    local certs=$state/certs
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -sha256 \
        -subj "/CN=$2" -keyout "$certs/$1.key" -out "$certs/$1.crt" \
        -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign,digitalSignature' 2>/dev/null
}

# A certificate for clients, and for servers when names are given.
cert_make() { # CA NAME SUBJECT [ALTERNATIVE_NAMES]
    local certs=$state/certs
    {
        printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n'
        printf 'extendedKeyUsage=clientAuth%s\n' "${4:+,serverAuth}"
        [ -z "${4:-}" ] || printf 'subjectAltName=%s\n' "$4"
    } >"$certs/$2.ext"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$3" \
        -keyout "$certs/$2.key" -out "$certs/$2.csr" 2>/dev/null
    openssl x509 -req -in "$certs/$2.csr" -CA "$certs/$1.crt" -CAkey "$certs/$1.key" \
        -set_serial "0x$(openssl rand -hex 8)" -days 3650 -sha256 -extfile "$certs/$2.ext" -out "$certs/$2.crt" 2>/dev/null
    rm "$certs/$2.csr" "$certs/$2.ext"
}

kubeconfig_make() { # FILE SERVER CERTIFICATE_NAME
    local certs=$state/certs
    cat >"$1" <<EOF
apiVersion: v1
kind: Config
clusters:
- name: $id
  cluster:
    server: $2
    certificate-authority-data: $(base64 -w0 "$certs/ca.crt")
users:
- name: $3
  user:
    client-certificate-data: $(base64 -w0 "$certs/$3.crt")
    client-key-data: $(base64 -w0 "$certs/$3.key")
contexts:
- name: $id
  context: { cluster: $id, user: $3 }
current-context: $id
EOF
    chmod 600 "$1"
}

# What any API server here needs: two authorities, its serving certificate, the signing key of
# service accounts, and the administrator.
certs_make() { # API_SERVER_ADDRESS
    mkdir -p "$state/certs" "$state/kubeconfigs"
    chmod 700 "$state/certs" "$state/kubeconfigs"
    ca_make ca kubernetes
    ca_make front-proxy-ca front-proxy
    cert_make ca apiserver /CN=kube-apiserver "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,\
DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:10.96.0.1,IP:127.0.0.1,IP:$1"
    cert_make ca apiserver-kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
    cert_make front-proxy-ca front-proxy-client /CN=front-proxy-client
    cert_make ca admin /O=system:masters/CN=kubernetes-admin
    cert_make ca controller-manager /CN=system:kube-controller-manager
    openssl ecparam -genkey -name prime256v1 -noout -out "$state/certs/service-account.key"
}
