# Bash completion of sigv4-proxy, printed from the table of settings.
# shellcheck shell=bash disable=SC2034
_sigv4_proxy() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    case $before in
    -c | --config)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --listen | --port)
        return
        ;;
    --listen-mode)
        return
        ;;
    --listen-peers)
        return
        ;;
    --listen-cert)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --listen-key)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --listen-client-ca)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --allow-clients)
        return
        ;;
    --proxy-auth-file)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --admin)
        return
        ;;
    --admin-token-file)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --admin-hosts)
        return
        ;;
    --probe)
        return
        ;;
    --workers)
        mapfile -t COMPREPLY < <(compgen -W 'auto' -- "$word")
        return
        ;;
    --pid-file)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --host)
        return
        ;;
    --sign-host)
        return
        ;;
    --name)
        return
        ;;
    --region)
        return
        ;;
    --algorithm)
        mapfile -t COMPREPLY < <(compgen -W 'auto sigv4 sigv4a' -- "$word")
        return
        ;;
    --upstream-url-scheme)
        mapfile -t COMPREPLY < <(compgen -W 'https http' -- "$word")
        return
        ;;
    --allow-hosts)
        return
        ;;
    --unsigned-hosts)
        return
        ;;
    --connect)
        mapfile -t COMPREPLY < <(compgen -W 'tunnel intercept deny' -- "$word")
        return
        ;;
    --ca-dir)
        return
        ;;
    --payload)
        mapfile -t COMPREPLY < <(compgen -W 'auto hash unsigned chunked' -- "$word")
        return
        ;;
    --already-signed)
        mapfile -t COMPREPLY < <(compgen -W 'replace pass reject' -- "$word")
        return
        ;;
    --already-presigned)
        mapfile -t COMPREPLY < <(compgen -W 'pass replace reject' -- "$word")
        return
        ;;
    --signed-headers)
        mapfile -t COMPREPLY < <(compgen -W 'minimal all' -- "$word")
        return
        ;;
    --redirect-expiry)
        return
        ;;
    --ca-bundle)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --upstream-proxy)
        return
        ;;
    --no-proxy)
        return
        ;;
    --nameserver)
        return
        ;;
    --log-level)
        mapfile -t COMPREPLY < <(compgen -W 'error warn info debug' -- "$word")
        return
        ;;
    --log-format)
        mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$word")
        return
        ;;
    --log-file)
        return
        ;;
    --strip | -s)
        return
        ;;
    --duplicate-headers)
        return
        ;;
    --custom-headers)
        return
        ;;
    --profile)
        return
        ;;
    --role-arn)
        return
        ;;
    --presign-allow)
        return
        ;;
    --presign-max-expiry)
        return
        ;;
    --presign-origins)
        return
        ;;
    --presign-host)
        return
        ;;
    --max-request-line)
        return
        ;;
    --max-field)
        return
        ;;
    --max-head)
        return
        ;;
    --max-fields)
        return
        ;;
    --max-trailers)
        return
        ;;
    --body-memory)
        return
        ;;
    --body-max)
        return
        ;;
    --spool-max)
        return
        ;;
    --replay-max)
        return
        ;;
    --spool-dir)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return
        ;;
    --max-connections)
        mapfile -t COMPREPLY < <(compgen -W 'auto' -- "$word")
        return
        ;;
    --max-connections-per-client)
        mapfile -t COMPREPLY < <(compgen -W 'auto' -- "$word")
        return
        ;;
    --max-upstream-per-host)
        mapfile -t COMPREPLY < <(compgen -W 'off' -- "$word")
        return
        ;;
    --max-in-flight)
        return
        ;;
    --in-flight-queue)
        return
        ;;
    --in-flight-wait)
        return
        ;;
    --max-buffer-memory)
        return
        ;;
    --expect-over)
        return
        ;;
    --client-head-timeout)
        return
        ;;
    --client-idle-timeout)
        return
        ;;
    --client-write-timeout)
        return
        ;;
    --client-min-rate)
        return
        ;;
    --client-rate-window)
        return
        ;;
    --half-close-grace)
        return
        ;;
    --connect-timeout)
        return
        ;;
    --tls-timeout)
        return
        ;;
    --first-byte-timeout)
        return
        ;;
    --idle-timeout)
        return
        ;;
    --total-timeout)
        return
        ;;
    --pool-idle-timeout | --transport.idle-conn-timeout)
        return
        ;;
    --pool-max-age)
        return
        ;;
    --drain-timeout)
        return
        ;;
    --pre-stop-wait)
        return
        ;;
    --upgrade-timeout)
        return
        ;;
    --exit-when-idle)
        mapfile -t COMPREPLY < <(compgen -W 'never' -- "$word")
        return
        ;;
    --retry-mode)
        mapfile -t COMPREPLY < <(compgen -W 'standard off' -- "$word")
        return
        ;;
    --retry-max-attempts)
        return
        ;;
    --retry-base)
        return
        ;;
    --retry-cap)
        return
        ;;
    --retry-jitter)
        mapfile -t COMPREPLY < <(compgen -W 'full none' -- "$word")
        return
        ;;
    --retry-budget)
        return
        ;;
    --retry-post)
        mapfile -t COMPREPLY < <(compgen -W 'classified never always' -- "$word")
        return
        ;;
    --retry-status)
        return
        ;;
    --retry-queue)
        return
        ;;
    --rate-limit-queue)
        return
        ;;
    --rate-limit-wait)
        return
        ;;
    esac
    if [[ $COMP_CWORD -eq 1 && $word != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'run check-config ca healthcheck explain presign export-credentials whoami mfa-login' -- "$word")
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W '-c --config -h --help --version
--listen --port
--listen-mode
--listen-peers
--listen-cert
--listen-key
--listen-client-ca
--allow-clients
--proxy-auth-file
--admin
--admin-token-file
--admin-hosts
--admin-quit --no-admin-quit
--probe
--workers
--pid-file
--host
--sign-host
--name
--region
--algorithm
--upstream-url-scheme
--allow-hosts
--unsigned-hosts
--connect
--ca-dir
--payload --unsigned-payload
--already-signed
--already-presigned
--signed-headers
--redirect-expiry
--ca-bundle
--verify-ssl --no-verify-ssl
--upstream-proxy
--no-proxy
--nameserver
--log-level -v --verbose
--log-format
--log-file
--log-access --no-log-access
--log-query --no-log-query
--log-failed-requests --no-log-failed-requests
--log-signing-process --no-log-signing-process
--strip -s
--duplicate-headers
--custom-headers
--via --no-via
--profile
--imds-region --no-imds-region
--role-arn
--s3-express-sessions --no-s3-express-sessions
--presign-allow
--presign-max-expiry
--presign-origins
--presign-host
--max-request-line
--max-field
--max-head
--max-fields
--max-trailers
--body-memory
--body-max
--spool-max
--replay-max
--spool-dir
--max-connections
--max-connections-per-client
--max-upstream-per-host
--max-in-flight
--in-flight-queue
--in-flight-wait
--max-buffer-memory
--expect-over
--client-head-timeout
--client-idle-timeout
--client-write-timeout
--client-min-rate
--client-rate-window
--half-close-grace
--connect-timeout
--tls-timeout
--first-byte-timeout
--idle-timeout
--total-timeout
--pool-idle-timeout --transport.idle-conn-timeout
--pool-max-age
--drain-timeout
--pre-stop-wait
--upgrade-timeout
--exit-when-idle
--retry-mode
--retry-max-attempts
--retry-base
--retry-cap
--retry-jitter
--retry-budget
--retry-post
--retry-status
--retry-sdk-clients --no-retry-sdk-clients
--retry-queue
--attempts-header --no-attempts-header
--rate-limit-queue
--rate-limit-wait' -- "$word")
}
complete -F _sigv4_proxy sigv4-proxy
