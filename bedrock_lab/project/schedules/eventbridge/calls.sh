#!/bin/sh
# A Fargate task that EventBridge Scheduler starts; its history is on EFS. Put your account, Region and ids into the files first.
# There have to be: the cluster, the EFS access point (uid 1000), the ECR repository, the log group, and the roles
# bedrock-lab-report (iam/, and elasticfilesystem:ClientMount and ClientWrite) and bedrock-lab-report-start
# (AmazonECSTaskExecutionRolePolicy), which ecs-tasks.amazonaws.com may take on.
set -eu
cd "$(dirname "$0")"
IMAGE=123456789012.dkr.ecr.us-east-1.amazonaws.com/bedrock-lab-report:latest
docker tag bedrock-lab-report "$IMAGE"
docker push "$IMAGE"
aws ecs register-task-definition --cli-input-json file://task.json
aws iam create-role --role-name bedrock-lab-scheduler --assume-role-policy-document file://scheduler-trust.json
aws iam put-role-policy --role-name bedrock-lab-scheduler --policy-name run --policy-document file://scheduler-policy.json
aws scheduler create-schedule --cli-input-json file://schedule.json
